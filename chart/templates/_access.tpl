{{/* Identity and rights of a component: each has its ServiceAccount and its ClusterRole. */}}

{{/* Inputs: root, component */}}
{{- define "xscaler-istio.serviceAccount" -}}
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ include "xscaler-istio.serviceAccountName" . | quote }}
  namespace: {{ include "xscaler-istio.namespace" .root | quote }}
  labels:
    {{- include "xscaler-istio.labels" . | nindent 4 }}
  {{- with mustMergeOverwrite (deepCopy .root.Values.commonAnnotations) .root.Values.serviceAccount.annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
# Only pods that ask for the token get it.
automountServiceAccountToken: false
{{- end -}}

{{/*
The right to do something in the whole cluster, or with rbac.namespaces in each of those. Inputs: root, component, rules
(as text)
*/}}
{{- define "xscaler-istio.roles" -}}
{{- range $namespace := include "xscaler-istio.namespacesOf" . | fromYamlArray | default (list "") }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ include "xscaler-istio.roleKind" $.root }}
metadata:
  {{- include "xscaler-istio.roleMetadata" (dict "root" $.root "component" $.component "namespace" $namespace) | nindent 2 }}
rules:
  {{- $.rules | nindent 2 }}
{{- end }}
{{- end -}}

{{/* Inputs: root, component */}}
{{- define "xscaler-istio.roleBindings" -}}
{{- range $namespace := include "xscaler-istio.namespacesOf" . | fromYamlArray | default (list "") }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ include "xscaler-istio.roleKind" $.root }}Binding
metadata:
  {{- include "xscaler-istio.roleMetadata" (dict "root" $.root "component" $.component "namespace" $namespace) | nindent 2 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: {{ include "xscaler-istio.roleKind" $.root }}
  name: {{ include "xscaler-istio.clusterWideName" $ | quote }}
subjects:
  - kind: ServiceAccount
    name: {{ include "xscaler-istio.serviceAccountName" $ | quote }}
    namespace: {{ include "xscaler-istio.namespace" $.root | quote }}
{{- end }}
{{- end -}}

{{/*
The namespaces whose pods a component looks at, as a list; none means all. A collector that scrapes the release itself looks at
the release's as well. Inputs: root, component
*/}}
{{- define "xscaler-istio.namespacesOf" -}}
{{- $own := ternary (list (include "xscaler-istio.namespace" .root)) list (and .root.Values.selfMonitoring.enabled (eq .component "metrics")) -}}
{{- $named := .root.Values.rbac.namespaces -}}
{{- ternary (concat $named $own | uniq) list (gt (len $named) 0) | toRawJson -}}
{{- end -}}

{{/* Inputs: . (root) */}}
{{- define "xscaler-istio.roleKind" -}}
{{ empty .Values.rbac.namespaces | ternary "ClusterRole" "Role" }}
{{- end -}}

{{/* Inputs: root, component, namespace (empty for an object of the whole cluster) */}}
{{- define "xscaler-istio.roleMetadata" -}}
name: {{ include "xscaler-istio.clusterWideName" . | quote }}
{{- with .namespace }}
namespace: {{ . | quote }}
{{- end }}
labels:
  {{- include "xscaler-istio.labels" . | nindent 2 }}
{{- with .root.Values.commonAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* The rights to find pods. */}}
{{- define "xscaler-istio.findPods" -}}
- apiGroups: [""]
  resources: [pods]
  verbs: [list, watch]
{{- end -}}
