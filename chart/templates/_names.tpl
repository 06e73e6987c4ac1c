{{/* The chart's name, cut to what a label may hold. Inputs: . (root) */}}
{{- define "xscaler-istio.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* The namespace of all objects but those that belong elsewhere. Inputs: . (root) */}}
{{- define "xscaler-istio.namespace" -}}
{{- default .Release.Namespace .Values.namespaceOverride -}}
{{- end -}}

{{/*
Prefix of all object names, at most 44 characters: Kubernetes cuts the names that it makes for pods at 58, and the number
of a shard must stay in them. A hash stands for the part that is cut off, so that two long names differ. It begins with a
letter, as the name of a Service must, which a release's name need not. Inputs: . (root)
*/}}
{{- define "xscaler-istio.fullname" -}}
{{- $name := include "xscaler-istio.name" . -}}
{{- $joined := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) -}}
{{- $whole := default $joined .Values.fullnameOverride | replace "." "-" -}}
{{- if regexMatch "^[0-9]" $whole }}{{ $whole = printf "x-%s" $whole }}{{ end -}}
{{- if le (len $whole) 44 -}}
{{- $whole | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" (trunc 35 $whole | trimSuffix "-") (sha256sum $whole | trunc 8) -}}
{{- end -}}
{{- end -}}

{{/* What selects the pods of a component; never changes in the life of a release. Inputs: root, component */}}
{{- define "xscaler-istio.selectorLabels" -}}
app.kubernetes.io/name: {{ include "xscaler-istio.name" .root | quote }}
app.kubernetes.io/instance: {{ .root.Release.Name | quote }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{/* A text as a label may hold it: 63 letters, digits and -_. with a letter or digit at both ends. Inputs: the text */}}
{{- define "xscaler-istio.labelValue" -}}
{{- regexReplaceAll "[^A-Za-z0-9_.-]" . "_" | trunc 63 | trimAll "-_." -}}
{{- end -}}

{{/*
Labels of every object; the chart's own win over commonLabels. Inputs: root, component; optional objectLabels, which
win over commonLabels too
*/}}
{{- define "xscaler-istio.labels" -}}
{{- $own := include "xscaler-istio.selectorLabels" . | fromYaml -}}
{{- $_ := set $own "app.kubernetes.io/version" (include "xscaler-istio.labelValue" .root.Chart.AppVersion) -}}
{{- $_ := set $own "app.kubernetes.io/managed-by" .root.Release.Service -}}
{{- $_ := set $own "helm.sh/chart" (include "xscaler-istio.labelValue" (printf "%s-%s" .root.Chart.Name .root.Chart.Version)) -}}
{{- mustMergeOverwrite (deepCopy .root.Values.commonLabels) (deepCopy (default dict .objectLabels)) $own | toYaml -}}
{{- end -}}

{{/* name, namespace, labels and annotations of an object. Inputs: root, component, name; optional objectLabels */}}
{{- define "xscaler-istio.metadata" -}}
name: {{ .name | quote }}
namespace: {{ include "xscaler-istio.namespace" .root | quote }}
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

{{/*
Name of the cluster-wide objects. No two releases share it, whatever their names and namespaces: neither has a dot.
Inputs: root, component
*/}}
{{- define "xscaler-istio.clusterWideName" -}}
{{ include "xscaler-istio.fullname" .root }}-{{ .component }}.{{ include "xscaler-istio.namespace" .root }}
{{- end -}}

{{/* The Secret that holds the token. Inputs: . (root) */}}
{{- define "xscaler-istio.secretName" -}}
{{- default (printf "%s-auth" (include "xscaler-istio.fullname" .)) .Values.xscaler.auth.existingSecret.name -}}
{{- end -}}

{{/* Image reference; a digest wins over the tag, a registry for all charts over the image's own. Inputs: root, image */}}
{{- define "xscaler-istio.image" -}}
{{- $path := .image.repository -}}
{{- with coalesce .root.Values.global.image.registry .root.Values.global.imageRegistry .image.registry }}{{ $path = printf "%s/%s" . $path }}{{ end -}}
{{- if .image.digest -}}{{ $path }}@{{ .image.digest }}{{- else -}}{{ $path }}:{{ .image.tag }}{{- end -}}
{{- end -}}

{{/* Pull secrets for all charts, as a list of maps in JSON; charts of others have them as names too. Inputs: . (root) */}}
{{- define "xscaler-istio.globalPullSecrets" -}}
{{- $listed := list -}}
{{- range concat .Values.global.image.pullSecrets (default list .Values.global.imagePullSecrets) -}}
{{- $listed = append $listed (ternary (dict "name" .) . (kindIs "string" .)) -}}
{{- end -}}
{{- toJson $listed -}}
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
{{- range include "xscaler-istio.logs.parts" . | fromYamlArray }}
- {{ .component }}
{{- end }}
{{- end -}}
