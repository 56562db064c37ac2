{{- define "realm.labels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: o2sidecar
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end -}}

{{- define "realm.selector" -}}
app.kubernetes.io/instance: {{ .context.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{- define "realm.secretName" -}}
{{ .Values.oauth.existingSecret | default .Values.secretName }}
{{- end -}}

{{- define "realm.cookieDomain" -}}
{{ .Values.cookieDomain | default (printf ".%s" .Values.domain) }}
{{- end -}}

{{- define "realm.authHost" -}}
{{ .Values.auth.host | default (printf "auth.%s" .Values.domain) }}
{{- end -}}

{{- /* The Istio Gateway that routes name, as NAMESPACE/NAME. */}}
{{- define "realm.gateway" -}}
{{- if .Values.gateway.create -}}
{{ .Release.Namespace }}/{{ .Values.gateway.name }}
{{- else -}}
{{ .Values.gateway.existing }}
{{- end -}}
{{- end -}}

{{- /* What the pods of this chart share. */}}
{{- define "realm.pod" -}}
automountServiceAccountToken: false
securityContext:
  runAsNonRoot: true
  seccompProfile:
    type: RuntimeDefault
{{- with .context.Values.imagePullSecrets }}
imagePullSecrets:
{{ toYaml . }}
{{- end }}
{{- with .context.Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .context.Values.tolerations }}
tolerations:
{{ toYaml . }}
{{- end }}
topologySpreadConstraints:
- maxSkew: 1
  topologyKey: kubernetes.io/hostname
  whenUnsatisfiable: ScheduleAnyway
  labelSelector:
    matchLabels:
      {{- include "realm.selector" . | nindent 6 }}
{{- end -}}

{{- define "realm.podMetadata" -}}
labels:
  o2sidecar/inject: "false"
  {{- include "realm.selector" . | nindent 2 }}
  {{- with .context.Values.podLabels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end -}}

{{- /* The values of o2sidecar-lib for the sidecar at the callback's host, which has no app behind it. */}}
{{- define "realm.authSidecar" -}}
mode: container
image:
  {{- toYaml .Values.image | nindent 2 }}
appPort: 0
upstream: static://200
portName: o2sidecar
configMap: {{ .Values.configMapName }}
secret: {{ include "realm.secretName" . }}
hosts:
- {{ include "realm.authHost" . | quote }}
allowedGroups: []
publicPaths: []
extraArgs: []
resources:
  {{- toYaml .Values.resources | nindent 2 }}
{{- end -}}
