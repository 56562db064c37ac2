{{- /*
The parts of a pod and of a Service that make an app protected. An app's chart depends on this one under the alias
`o2sidecar`, so that its values are in .Values.o2sidecar; each part takes the top-level context.
`o2sidecar inject` writes the very same container; tests hold both to one another.
*/}}

{{- define "o2sidecar.values" -}}
{{- $values := .Values.o2sidecar -}}
{{- range list "mode" "image" "appPort" "hosts" "allowedGroups" "publicPaths" "extraArgs" -}}
{{- if not (and $values (hasKey $values .)) -}}
{{- fail "o2sidecar-lib: have it among the chart's dependencies with `alias: o2sidecar`, so that its values are .Values.o2sidecar" -}}
{{- end -}}
{{- end -}}
{{- toYaml $values -}}
{{- end -}}

{{- define "o2sidecar.image" -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ .tag }}
{{- end -}}
{{- end -}}

{{- /* One argument: a list flag reads comma-separated values, and kubelet replaces $(NAME) and reads $$ as $. */}}
{{- define "o2sidecar.argument" -}}
{{- $item := .item -}}
{{- if regexMatch "[,\"]" $item -}}
{{- $item = printf "\"%s\"" (replace "\"" "\"\"" $item) -}}
{{- end -}}
{{- include "o2sidecar.unexpanded" (printf "%s=%s" .flag $item) -}}
{{- end -}}

{{- define "o2sidecar.unexpanded" -}}
{{- $characters := splitList "" . -}}
{{- $written := "" -}}
{{- range $index, $character := $characters -}}
{{- $following := "" -}}
{{- if lt (add1 $index) (len $characters) -}}{{- $following = index $characters (int (add1 $index)) -}}{{- end -}}
{{- $doubled := and (eq $character "$") (has $following (list "$" "(")) -}}
{{- $written = printf "%s%s" $written (ternary "$$" $character $doubled) -}}
{{- end -}}
{{- $written | quote -}}
{{- end -}}

{{- define "o2sidecar.securityContext" -}}
runAsNonRoot: true
runAsUser: 2000
runAsGroup: 2000
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop:
  - ALL
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "o2sidecar.probes" -}}
startupProbe:
  httpGet:
    path: /ping
    port: o2s-metrics
  periodSeconds: 1
  failureThreshold: 60
readinessProbe:
  httpGet:
    path: /ready
    port: o2s-metrics
  periodSeconds: 5
  timeoutSeconds: 3
  failureThreshold: 2
livenessProbe:
  httpGet:
    path: /ping
    port: o2s-metrics
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 3
{{- end -}}

{{- /* The container itself, whatever the list that it stands in. */}}
{{- define "o2sidecar.item" -}}
{{- $values := include "o2sidecar.values" . | fromYaml -}}
- name: o2sidecar
  image: {{ include "o2sidecar.image" $values.image }}
  imagePullPolicy: {{ $values.image.pullPolicy }}
  {{- if eq $values.mode "native" }}
  restartPolicy: Always
  {{- end }}
  args:
  - --config=/etc/oauth2-proxy/oauth2_proxy.cfg
  - --http-address=0.0.0.0:4180
  - --metrics-address=0.0.0.0:44180
  - --upstream={{ $values.upstream | default (printf "http://127.0.0.1:%d" (int $values.appPort)) }}
  - --client-secret-file=/etc/o2sidecar/secret/client-secret
  - --cookie-secret-file=/etc/o2sidecar/secret/cookie-secret
  {{- range $values.hosts }}
  - {{ include "o2sidecar.argument" (dict "flag" "--allowed-host" "item" .) }}
  {{- end }}
  {{- range $values.allowedGroups }}
  - {{ include "o2sidecar.argument" (dict "flag" "--allowed-group" "item" .) }}
  {{- end }}
  {{- range $values.publicPaths }}
  - {{ include "o2sidecar.argument" (dict "flag" "--skip-auth-route" "item" .) }}
  {{- end }}
  - --drain-delay=5s
  {{- range $values.extraArgs }}
  - {{ include "o2sidecar.unexpanded" . }}
  {{- end }}
  env:
  - name: OAUTH2_PROXY_CLIENT_ID
    valueFrom:
      secretKeyRef:
        name: {{ $values.secret }}
        key: client-id
  ports:
  - name: {{ $values.portName }}
    containerPort: 4180
    protocol: TCP
  - name: o2s-metrics
    containerPort: 44180
    protocol: TCP
  {{- include "o2sidecar.probes" . | nindent 2 }}
  resources:
    {{- toYaml $values.resources | nindent 4 }}
  securityContext:
    {{- include "o2sidecar.securityContext" . | nindent 4 }}
  volumeMounts:
  - name: o2sidecar-config
    mountPath: /etc/oauth2-proxy
    readOnly: true
  - name: o2sidecar-secret
    mountPath: /etc/o2sidecar/secret
    readOnly: true
{{- end -}}

{{- /* For the list `containers`; nothing with mode: native. */}}
{{- define "o2sidecar.container" -}}
{{- if eq (include "o2sidecar.values" . | fromYaml).mode "container" -}}
{{- include "o2sidecar.item" . -}}
{{- end -}}
{{- end -}}

{{- /* For the list `initContainers`, behind a native istio-proxy; nothing with mode: container. */}}
{{- define "o2sidecar.initContainer" -}}
{{- if eq (include "o2sidecar.values" . | fromYaml).mode "native" -}}
{{- include "o2sidecar.item" . -}}
{{- end -}}
{{- end -}}

{{- /* For the list `volumes`. */}}
{{- define "o2sidecar.volumes" -}}
{{- $values := include "o2sidecar.values" . | fromYaml -}}
- name: o2sidecar-config
  configMap:
    name: {{ $values.configMap }}
- name: o2sidecar-secret
  secret:
    secretName: {{ $values.secret }}
    defaultMode: 292
{{- end -}}

{{- /* For a Service's list `ports`. */}}
{{- define "o2sidecar.servicePort" -}}
{{- $values := include "o2sidecar.values" . | fromYaml -}}
- name: {{ $values.servicePort.name }}
  port: {{ int $values.servicePort.port }}
  targetPort: {{ $values.portName }}
  protocol: TCP
  appProtocol: http
{{- end -}}

{{- /* For the pod template's annotations: another value when the sidecar is another, so that pods follow. */}}
{{- define "o2sidecar.podAnnotations" -}}
{{- $container := include "o2sidecar.item" . | fromYamlArray | first -}}
{{- $volumes := include "o2sidecar.volumes" . | fromYamlArray -}}
o2sidecar/config-hash: {{ list $container $volumes list | toRawJson | sha256sum | trunc 32 | quote }}
{{- end -}}
