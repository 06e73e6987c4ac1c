{{/* The chart's name, cut to what a label may hold. Inputs: . (root) */}}
{{- define "xscaler-istio.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* Prefix of all object names; short enough for the suffixes that follow it. Inputs: . (root) */}}
{{- define "xscaler-istio.fullname" -}}
{{- $name := include "xscaler-istio.name" . -}}
{{- $joined := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) -}}
{{- default $joined .Values.fullnameOverride | trunc 48 | trimSuffix "-" -}}
{{- end -}}

{{/* What selects the pods of a component; never changes in the life of a release. Inputs: root, component */}}
{{- define "xscaler-istio.selectorLabels" -}}
app.kubernetes.io/name: {{ include "xscaler-istio.name" .root | quote }}
app.kubernetes.io/instance: {{ .root.Release.Name | quote }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{/* Labels of every object. Inputs: root, component */}}
{{- define "xscaler-istio.labels" -}}
{{ include "xscaler-istio.selectorLabels" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* name, namespace, labels and annotations of an object. Inputs: root, component, name */}}
{{- define "xscaler-istio.metadata" -}}
name: {{ .name | quote }}
namespace: {{ .root.Release.Namespace | quote }}
labels:
  {{- include "xscaler-istio.labels" . | nindent 2 }}
{{- with .root.Values.commonAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* Name of the objects of one shard. Inputs: root, shard (from 0) */}}
{{- define "xscaler-istio.shardName" -}}
{{ include "xscaler-istio.fullname" .root }}-metrics-{{ .shard }}
{{- end -}}

{{/*
A component's ServiceAccount. A name of the user's own is that of the metrics collector; others follow it where the
chart makes them. Inputs: root, component
*/}}
{{- define "xscaler-istio.serviceAccountName" -}}
{{- $own := .root.Values.serviceAccount.name -}}
{{- if not .root.Values.serviceAccount.create -}}
{{- default "default" $own -}}
{{- else if eq .component "metrics" -}}
{{- default (printf "%s-metrics" (include "xscaler-istio.fullname" .root)) $own -}}
{{- else -}}
{{- printf "%s-%s" (default (include "xscaler-istio.fullname" .root) $own) .component -}}
{{- end -}}
{{- end -}}

{{/* Name of the cluster-wide objects: two releases of one name in two namespaces must not share it. Inputs: root, component */}}
{{- define "xscaler-istio.clusterWideName" -}}
{{ include "xscaler-istio.fullname" .root }}-{{ .component }}-{{ .root.Release.Namespace }}
{{- end -}}

{{/* The Secret that holds the token. Inputs: . (root) */}}
{{- define "xscaler-istio.secretName" -}}
{{- default (printf "%s-auth" (include "xscaler-istio.fullname" .)) .Values.xscaler.auth.existingSecret.name -}}
{{- end -}}

{{/* Image reference; a digest wins over the tag, a registry for all charts over the image's own. Inputs: root, image */}}
{{- define "xscaler-istio.image" -}}
{{- $path := .image.repository -}}
{{- with coalesce .root.Values.global.image.registry .image.registry }}{{ $path = printf "%s/%s" . $path }}{{ end -}}
{{- if .image.digest -}}{{ $path }}@{{ .image.digest }}{{- else -}}{{ $path }}:{{ .image.tag }}{{- end -}}
{{- end -}}

{{/* What the platform needs that the cluster runs on: the content of its file, or an empty map. Inputs: . (root) */}}
{{- define "xscaler-istio.platform" -}}
{{ .Files.Get (printf "files/platforms/%s.yaml" .Values.platform) }}
{{- end -}}

{{/* The components that the values ask for, as a YAML list. Inputs: . (root) */}}
{{- define "xscaler-istio.components" -}}
{{- if ne .Values.metrics.collector "none" }}
- metrics
{{- end }}
{{- range include "logs.parts" . | fromYamlArray }}
- {{ .component }}
{{- end }}
{{- end -}}
