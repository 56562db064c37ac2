{{- /* What would not be safe, or not work, is refused before anything is made of it. */}}
{{- define "realm.checks" -}}
{{- $v := .Values -}}
{{- if not $v.domain }}{{ fail "domain: say under which domain the apps are, as example.com" }}{{ end -}}
{{- if not $v.oauth.provider }}{{ fail "oauth.provider: say which kind of provider signs people in, as github" }}{{ end -}}
{{- $host := include "realm.authHost" . -}}
{{- if and $v.auth.enabled (not (hasSuffix (include "realm.cookieDomain" . | trimPrefix ".") $host)) -}}
{{- fail (printf "auth.host: %s is not under the cookie's domain %s, so no session begun there would reach an app" $host (include "realm.cookieDomain" .)) -}}
{{- end -}}
{{- include "realm.checks.secret" . -}}
{{- include "realm.checks.restriction" . -}}
{{- include "realm.checks.gateway" . -}}
{{- include "realm.checks.route" . -}}
{{- include "realm.checks.webhook" . -}}
{{- range $key, $value := $v.settings -}}
{{- if hasKey (include "realm.settings" $ | fromYaml) $key -}}
{{- fail (printf "settings.%s: the chart sets it itself, from a value of its own" $key) -}}
{{- end -}}
{{- if has $key (list "client_secret" "cookie_secret" "client_id" "accepted_cookie_secrets") -}}
{{- fail (printf "settings.%s: secrets belong in the Secret, and a ConfigMap is none" $key) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "realm.checks.secret" -}}
{{- $o := .Values.oauth -}}
{{- $given := compact (list $o.clientID $o.clientSecret $o.cookieSecret) -}}
{{- if and $o.existingSecret $given -}}
{{- fail "oauth.existingSecret: either a Secret that is there, or clientID, clientSecret and cookieSecret for one that is made; not both" -}}
{{- end -}}
{{- if and $o.existingKeyRing (not $o.existingSecret) -}}
{{- fail "oauth.existingKeyRing: there is no existingSecret that it could be about" -}}
{{- end -}}
{{- if and $o.existingSecret $o.acceptedCookieSecrets -}}
{{- fail "oauth.acceptedCookieSecrets: they are for the Secret that is made; put them into the one that is there, and set existingKeyRing" -}}
{{- end -}}
{{- if and (not $o.existingSecret) (lt (len $given) 3) -}}
{{- fail "oauth: name a Secret in existingSecret, or give clientID, clientSecret and cookieSecret" -}}
{{- end -}}
{{- if and $o.cookieSecret (not (regexMatch "^([A-Za-z0-9_-]{43}=?|[^$<>(){}]{32})$" $o.cookieSecret)) -}}
{{- fail "oauth.cookieSecret: not 32 bytes, in URL-safe base64 or as they are; `o2sidecar keys new` makes a good one" -}}
{{- end -}}
{{- end -}}

{{- define "realm.checks.restriction" -}}
{{- $r := .Values.restrict -}}
{{- $provider := .Values.oauth.provider -}}
{{- $own := dict "github" (list "githubOrg" "githubTeams" "githubUsers") "gitlab" (list "gitlabGroups") "google" (list "googleGroups") "entra-id" (list "entraTenants") "keycloak-oidc" (list "keycloakRoles") -}}
{{- $count := 0 -}}
{{- range $name, $value := $r -}}
{{- if and $value (ne $name "allowAnyUser") -}}
{{- if not (and (eq $name "emailDomains") (has "*" $value)) -}}{{- $count = add1 $count -}}{{- end -}}
{{- range $whose, $names := $own -}}
{{- if and (has $name $names) (ne $whose $provider) -}}
{{- fail (printf "restrict.%s: it restricts nobody with provider %s, only with %s" $name $provider $whose) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if and (not $r.allowAnyUser) (eq (int $count) 0) -}}
{{- fail "restrict: nothing says who may pass, so everybody whom the provider knows would; name email domains, groups or an organisation, or set allowAnyUser" -}}
{{- end -}}
{{- if and $r.allowAnyUser (gt (int $count) 0) -}}
{{- fail "restrict.allowAnyUser: it contradicts the other restrictions" -}}
{{- end -}}
{{- if and $r.githubTeams (not $r.githubOrg) -}}
{{- range $r.githubTeams -}}
{{- if not (contains ":" .) -}}{{- fail (printf "restrict.githubTeams: %s: say of which organisation, in githubOrg or as ORGANISATION:TEAM" .) -}}{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "realm.checks.gateway" -}}
{{- $g := .Values.gateway -}}
{{- if and $g.create $g.existing -}}
{{- fail "gateway.existing: either it is there, or it is made (gateway.create); not both" -}}
{{- end -}}
{{- if and $g.create (not $g.credentialName) -}}
{{- fail "gateway.credentialName: name the Secret with the certificate; Istio refuses TLS without one" -}}
{{- end -}}
{{- end -}}

{{- define "realm.checks.route" -}}
{{- $a := .Values.auth -}}
{{- if $a.enabled -}}
{{- if and (eq $a.route "istio") (not (include "realm.gateway" .)) -}}
{{- fail "auth.route: istio needs a Gateway: gateway.existing or gateway.create" -}}
{{- end -}}
{{- if and (eq $a.route "gateway-api") (not $a.parentGateway) -}}
{{- fail "auth.parentGateway: name the Gateway that the route hangs on, as NAMESPACE/NAME" -}}
{{- end -}}
{{- if and (eq $a.route "ingress") (not $a.ingress.tlsSecret) -}}
{{- fail "auth.ingress.tlsSecret: name the Secret with the certificate; providers send codes to https only" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "realm.checks.webhook" -}}
{{- $w := .Values.webhook -}}
{{- if $w.enabled -}}
{{- if not $w.tls.secretName -}}
{{- fail "webhook.tls.secretName: name the Secret with tls.crt and tls.key; the API server speaks https only" -}}
{{- end -}}
{{- if eq (not $w.tls.caBundle) (not $w.tls.certManagerCertificate) -}}
{{- fail "webhook.tls: say whom the API server believes, either by caBundle or by certManagerCertificate" -}}
{{- end -}}
{{- end -}}
{{- end -}}
