{{- /* The settings that the chart derives from its values, by their names in the file. */}}
{{- define "realm.settings" -}}
{{- $v := .Values -}}
{{- $r := $v.restrict -}}
{{- $domain := include "realm.cookieDomain" . | trimPrefix "." -}}
{{- $below := printf ".%s" $domain -}}
defaults: o2sidecar
provider: {{ $v.oauth.provider | quote }}
{{- with $v.oauth.issuerURL }}
oidc_issuer_url: {{ . | quote }}
{{- end }}
{{- with $v.oauth.scope }}
scope: {{ . | quote }}
{{- end }}
email_domains: {{ $r.emailDomains | default (list "*") | toJson }}
{{- with $r.groups }}
allowed_groups: {{ toJson . }}
{{- end }}
{{- with $r.githubOrg }}
github_org: {{ . | quote }}
{{- end }}
{{- with $r.githubTeams }}
github_team: {{ join "," . | quote }}
{{- end }}
{{- with $r.githubUsers }}
github_users: {{ toJson . }}
{{- end }}
{{- with $r.gitlabGroups }}
gitlab_groups: {{ toJson . }}
{{- end }}
{{- with $r.googleGroups }}
google_groups: {{ toJson . }}
{{- end }}
{{- with $r.entraTenants }}
entra_id_allowed_tenants: {{ toJson . }}
{{- end }}
{{- with $r.keycloakRoles }}
allowed_roles: {{ toJson . }}
{{- end }}
cookie_name: {{ $v.session.cookieName | quote }}
cookie_domains: {{ list (include "realm.cookieDomain" .) | toJson }}
cookie_expire: {{ $v.session.expire | quote }}
cookie_refresh: {{ $v.session.refresh | quote }}
cookie_samesite: {{ $v.session.sameSite | quote }}
whitelist_domains: {{ list $below $domain | toJson }}
allowed_hosts: {{ list $below $domain | toJson }}
set_xauthrequest: true
{{- if or (not $v.oauth.existingSecret) $v.oauth.existingKeyRing }}
accepted_cookie_secrets_file: /etc/o2sidecar/secret/accepted-cookie-secrets
{{- end }}
reverse_proxy: true
{{- with $v.trustedProxies }}
trusted_proxy_ips: {{ toJson . }}
{{- end }}
{{- if $v.auth.enabled }}
redirect_url: {{ printf "https://%s/oauth2/callback" (include "realm.authHost" .) | quote }}
{{- end }}
{{- with $v.branding.name }}
brand_name: {{ . | quote }}
{{- end }}
{{- with $v.branding.colour }}
brand_colour: {{ . | quote }}
{{- end }}
{{- with $v.branding.logo }}
custom_sign_in_logo: {{ . | quote }}
{{- end }}
{{- end -}}

{{- /* The file: JSON's strings, lists and booleans are TOML's as well. */}}
{{- define "realm.cfg" -}}
{{- range $key, $value := merge (include "realm.settings" . | fromYaml) .Values.settings -}}
{{ $key }} = {{ if kindIs "float64" $value }}{{ int64 $value }}{{ else }}{{ toJson $value }}{{ end }}
{{ end -}}
{{- end -}}
