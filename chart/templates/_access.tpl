{{/* Identity and rights of a component: each has a ServiceAccount and a ClusterRole of its own. */}}

{{/* Inputs: root, component */}}
{{- define "xscaler-istio.serviceAccount" -}}
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ include "xscaler-istio.serviceAccountName" . | quote }}
  namespace: {{ .root.Release.Namespace | quote }}
  labels:
    {{- include "xscaler-istio.labels" . | nindent 4 }}
  {{- with mustMergeOverwrite (deepCopy .root.Values.commonAnnotations) .root.Values.serviceAccount.annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
# Only pods that ask for the token get it.
automountServiceAccountToken: false
{{- end -}}

{{/* Inputs: root, component, rules (as text) */}}
{{- define "xscaler-istio.clusterRole" -}}
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  {{- include "xscaler-istio.clusterWideMetadata" . | nindent 2 }}
rules:
  {{- .rules | nindent 2 }}
{{- end -}}

{{/* Inputs: root, component */}}
{{- define "xscaler-istio.clusterRoleBinding" -}}
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata:
  {{- include "xscaler-istio.clusterWideMetadata" . | nindent 2 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ClusterRole
  name: {{ include "xscaler-istio.clusterWideName" . | quote }}
subjects:
  - kind: ServiceAccount
    name: {{ include "xscaler-istio.serviceAccountName" . | quote }}
    namespace: {{ .root.Release.Namespace | quote }}
{{- end -}}

{{/* Inputs: root, component */}}
{{- define "xscaler-istio.clusterWideMetadata" -}}
name: {{ include "xscaler-istio.clusterWideName" . | quote }}
labels:
  {{- include "xscaler-istio.labels" . | nindent 2 }}
{{- with .root.Values.commonAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* What it takes to find pods. */}}
{{- define "xscaler-istio.findPods" -}}
- apiGroups: [""]
  resources: [pods]
  verbs: [list, watch]
{{- end -}}
