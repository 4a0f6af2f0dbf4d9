{{- define "ctflow.name" -}}
{{- if contains .Chart.Name .Release.Name }}{{ .Release.Name }}{{ else }}{{ .Release.Name }}-{{ .Chart.Name }}{{ end }}
{{- end }}

{{- define "ctflow.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "ctflow.labels" -}}
{{ include "ctflow.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
{{- end }}

{{- define "ctflow.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{- define "ctflow.file" -}}
{{- $more := dict "metrics" (printf "%s:%v" .Values.metrics.host .Values.metrics.port) "control" "/run/ctflow/control.sock" }}
{{- if .Values.stateFolder }}{{ $_ := set $more "state" "/var/lib/ctflow/state" }}{{ end }}
{{- toYaml (merge $more .Values.settings) }}
{{- end }}

{{- /* the node asks: where metrics listen on all of its addresses, at the loopback one */}}
{{- define "ctflow.probed" -}}
{{- if has .Values.metrics.host (list "0.0.0.0" "::" "[::]") }}127.0.0.1{{ else }}{{ .Values.metrics.host }}{{ end }}
{{- end }}
