{{/*
The agents that the values ask for, as a YAML list: their component, kind, source, and which of the pods on AWS Fargate
they read. Inputs: . (root)
*/}}
{{- define "xscaler-istio.logs.parts" -}}
{{- $files := dict "component" "logs" "kind" "DaemonSet" "source" "files" "fargate" "" -}}
{{- $api := dict "component" "logs-api" "kind" "Deployment" "source" "api" "fargate" "" -}}
{{- $fargate := dict "component" "logs-api" "kind" "Deployment" "source" "api" "fargate" "only" -}}
{{- $never := dict "component" "logs" "kind" "DaemonSet" "source" "files" "fargate" "never" -}}
{{- $parts := dict "files" (list $files) "api" (list $api) "filesAndFargate" (list $never $fargate) -}}
{{- ternary (index $parts .Values.logs.source) list .Values.logs.enabled | toYaml -}}
{{- end -}}

{{/* Inputs: root, component */}}
{{- define "xscaler-istio.logs.name" -}}
{{ include "xscaler-istio.fullname" .root }}-{{ .component }}
{{- end -}}

{{/* What an agent may do, by its source. */}}
{{- define "xscaler-istio.logs.rights.files" -}}
{{ include "xscaler-istio.findPods" . }}
{{- end -}}

{{- define "xscaler-istio.logs.rights.api" -}}
- apiGroups: [""]
  resources: [pods]
  verbs: [get, list, watch]
- apiGroups: [""]
  resources: [pods/log]
  verbs: [get]
{{- end -}}

{{- define "xscaler-istio.logs.storageFolder" -}}
/var/lib/alloy
{{- end -}}

{{/* How the agent runs. Inputs: root, source, fargate (see xscaler-istio.logs.parts) */}}
{{- define "xscaler-istio.logs.workload" -}}
{{- $files := eq .source "files" -}}
configFile: config.alloy
storageFolder: {{ include "xscaler-istio.logs.storageFolder" . }}
port: 12345
readinessPath: /-/ready
# Not /-/healthy: one component without its file would restart the agent needlessly.
livenessPath: /-/ready
# Ends when everything that was read is sent, or the drain timeout is over.
terminationGracePeriodSeconds: {{ div (include "xscaler-istio.milliseconds" .root.Values.logAgent.queue.drainTimeout | int) 1000 | add 30 }}
reload: restart
args:
- run
- --storage.path={{ include "xscaler-istio.logs.storageFolder" . }}
- --server.http.listen-addr=:12345
- --disable-reporting
# Only for the size of the queue, without which an agent that is killed would lose 12 MiB of lines.
- --stability.level=experimental
- /etc/collector/config.alloy
fixedFlags: [storage.path, server.http.listen-addr, stability.level]
{{- if $files }}
# Exceptions from least privilege, each with its reason (docs/security.md): the files belong to root and no other user may
# read them; they lie on the node; and how far each was read must outlive the pod.
runAsRoot: true
{{- if dig "writesToNode" true (include "xscaler-istio.platform" .root | fromYaml) }}
stateFolder: {{ printf "%s/%s/%s" .root.Values.logAgent.statePath (include "xscaler-istio.namespace" .root) (include "xscaler-istio.fullname" .root) | quote }}
{{- end }}
hostFolders:
- /var/log/pods
{{- if eq .root.Values.logs.runtime "docker" }}
- /var/lib/docker/containers
{{- end }}
everyNode: true
nodeName: true
{{- if eq .fargate "never" }}
# A node of Fargate takes no DaemonSet: its pod would stay pending.
nodes:
- {key: eks.amazonaws.com/compute-type, operator: NotIn, values: [fargate]}
{{- end }}
{{- end }}
{{- end -}}
