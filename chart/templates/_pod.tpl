{{/*
The pod, written once for every workload.
Inputs: root, component, name (of its ConfigMap), labels, config (the text of that ConfigMap), settings (the
program's block of values), workload (a parsed `xscaler-istio.collector.workload` or `logs.workload`)
*/}}
{{- define "xscaler-istio.podTemplate" -}}
{{- $pod := include "xscaler-istio.podSettings" . | fromJson -}}
{{- $_ := set . "pod" $pod -}}
{{- $volumes := include "xscaler-istio.volumes" . | trim -}}
{{- $annotations := dict "sidecar.istio.io/inject" "false" "kubectl.kubernetes.io/default-container" "collector" -}}
{{- if eq .workload.reload "restart" -}}
{{- $_ := set $annotations "checksum/config" (sha256sum .config) -}}
{{- end -}}
metadata:
  # No version labels here: an upgrade that changes nothing else must not restart the collector.
  labels:
    {{- mustMergeOverwrite (deepCopy .root.Values.commonLabels) $pod.labels (include "xscaler-istio.selectorLabels" . | fromYaml) .labels (include "xscaler-istio.outsideMesh" . | fromYaml) | toYaml | nindent 4 }}
  annotations:
    {{- mustMergeOverwrite (include "xscaler-istio.eviction" $volumes | fromYaml) .root.Values.commonAnnotations $pod.annotations $annotations | toYaml | nindent 4 }}
spec:
  serviceAccountName: {{ include "xscaler-istio.serviceAccountName" . | quote }}
  automountServiceAccountToken: true
  enableServiceLinks: false
  terminationGracePeriodSeconds: {{ .workload.terminationGracePeriodSeconds }}
  securityContext:
    {{- mustMergeOverwrite (include (ternary "xscaler-istio.rootUser" "xscaler-istio.nobody" (hasKey .workload "runAsRoot")) .root | fromYaml) $pod.securityContext | toYaml | nindent 4 }}
  {{- include "xscaler-istio.scheduling" . | nindent 2 }}
  {{- with $pod.initContainers }}
  initContainers:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  containers:
    - {{ include "xscaler-istio.container" . | nindent 6 | trim }}
    {{- with $pod.extraContainers }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  volumes:
    {{- $volumes | nindent 4 }}
    {{- with $pod.extraVolumes }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end -}}

{{/*
The annotation that lets the cluster autoscaler remove a node, which local volumes of the chart would keep. Their loss is no
more than that of any restart. Inputs: the chart's volumes, as YAML
*/}}
{{- define "xscaler-istio.eviction" -}}
{{- $local := list -}}
{{- range fromYamlArray . -}}
{{- if or (hasKey . "emptyDir") (hasKey . "hostPath") }}{{ $local = append $local .name }}{{ end -}}
{{- end -}}
{{- with $local }}
cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes: {{ join "," . }}
{{- end }}
{{- end -}}

{{/* The chart's own volumes. Inputs: root, name, settings, workload (see xscaler-istio.podTemplate) */}}
{{- define "xscaler-istio.volumes" -}}
- name: config
  configMap:
    name: {{ .name | quote }}
{{- if not .root.Values.xscaler.auth.tokenFile }}
- {{ include "xscaler-istio.authVolume" .root | nindent 2 | trim }}
{{- end }}
{{- if .root.Values.xscaler.tls.ca.name }}
- {{ include "xscaler-istio.caVolume" .root | nindent 2 | trim }}
{{- end }}
{{- if .workload.storageFolder }}
- {{ include "xscaler-istio.storageVolume" . | nindent 2 | trim }}
{{- end }}
{{- range $number, $folder := .workload.hostFolders }}
- name: logs-{{ $number }}
  hostPath:
    path: {{ $folder }}
{{- end }}
{{- end -}}

{{/* Where the container has them. Inputs: as xscaler-istio.volumes */}}
{{- define "xscaler-istio.volumeMounts" -}}
- name: config
  mountPath: /etc/collector
  readOnly: true
{{- if not .root.Values.xscaler.auth.tokenFile }}
- name: auth
  mountPath: {{ include "xscaler-istio.authFolder" .root }}
  readOnly: true
{{- end }}
{{- if .root.Values.xscaler.tls.ca.name }}
- name: ca
  mountPath: {{ include "xscaler-istio.caFolder" .root }}
  readOnly: true
{{- end }}
{{- with .workload.storageFolder }}
- name: storage
  mountPath: {{ . }}
{{- end }}
{{- range $number, $folder := .workload.hostFolders }}
- name: logs-{{ $number }}
  mountPath: {{ $folder }}
  readOnly: true
{{- end }}
{{- end -}}

{{/*
The block `pod` of a workload. A key of the program's own takes the place of the shared one; labels, annotations and the
security context are added to it. Not shared with an agent of every node is what would keep it from one, and with an agent
that has to be root what would make it another user. JSON, since YAML is not read again as it is written: it holds texts
of the user's. Inputs: as xscaler-istio.podTemplate
*/}}
{{- define "xscaler-istio.podSettings" -}}
{{- $shared := deepCopy .root.Values.pod -}}
{{- $own := deepCopy .settings.pod -}}
{{- if hasKey .workload "everyNode" }}{{ $shared = omit $shared "nodeSelector" "tolerations" "affinity" "topologySpreadConstraints" }}{{ end -}}
{{- if hasKey .workload "runAsRoot" -}}
{{- $_ := set $shared "securityContext" (omit $shared.securityContext "runAsUser" "runAsGroup" "runAsNonRoot") -}}
{{- end -}}
{{- range $key := list "labels" "annotations" "securityContext" -}}
{{- $_ := set $own $key (mustMergeOverwrite (index $shared $key) (default dict (index $own $key))) -}}
{{- end -}}
{{- range $key, $value := $own }}{{ $_ := set $shared $key $value }}{{ end -}}
{{- toJson $shared -}}
{{- end -}}

{{/* Where a pod may run and what it takes to start there. Inputs: root, pod (a complete block `pod`), and of a workload: workload */}}
{{- define "xscaler-istio.scheduling" -}}
{{- $workload := default dict .workload -}}
{{- $defaults := dict "nodeSelector" (dict "kubernetes.io/os" "linux") -}}
{{- if $workload.everyNode }}{{ $_ := set $defaults "tolerations" (list (dict "operator" "Exists")) }}{{ end -}}
{{- $own := dict -}}
{{- with concat (include "xscaler-istio.globalPullSecrets" .root | fromJsonArray) .pod.imagePullSecrets | uniq }}{{ $_ := set $own "imagePullSecrets" . }}{{ end -}}
{{- with include "xscaler-istio.spread" . | fromJsonArray }}{{ $_ := set $own "topologySpreadConstraints" . }}{{ end -}}
{{- range $key := list "nodeSelector" "tolerations" "affinity" "priorityClassName" "runtimeClassName" "dnsConfig" "hostAliases" -}}
{{- with index $.pod $key }}{{ $_ := set $own $key . }}{{ end -}}
{{- end -}}
{{- with $workload.nodes }}
{{- $_ := set $own "affinity" (include "xscaler-istio.onlyOn" (dict "nodes" . "affinity" (default dict $own.affinity)) | fromJson) -}}
{{- end -}}
{{- mustMergeOverwrite $defaults $own | toYaml -}}
{{- end -}}

{{/*
How pods of a workload are spread, as JSON: by the constraints of the block `pod`, which count the pods of the component
where they select none; without any, shards keep to different nodes if there are enough. Inputs: as xscaler-istio.scheduling
*/}}
{{- define "xscaler-istio.spread" -}}
{{- $constraints := list -}}
{{- if .workload -}}
{{- $given := default list .pod.topologySpreadConstraints -}}
{{- if and (empty $given) (eq .component "metrics") (gt (int .root.Values.metrics.shards) 1) -}}
{{- $given = list (dict "maxSkew" 1 "topologyKey" "kubernetes.io/hostname" "whenUnsatisfiable" "ScheduleAnyway") -}}
{{- end -}}
{{- $selector := dict "labelSelector" (dict "matchLabels" (include "xscaler-istio.selectorLabels" . | fromYaml)) -}}
{{- range $given }}{{ $constraints = append $constraints (merge (deepCopy .) (ternary dict $selector (hasKey . "labelSelector"))) }}{{ end -}}
{{- end -}}
{{- toJson $constraints -}}
{{- end -}}

{{/* An affinity for which the nodes fulfil further expressions: of several terms one is enough, so each gets them. As JSON. Inputs: nodes, affinity */}}
{{- define "xscaler-istio.onlyOn" -}}
{{- $affinity := deepCopy .affinity -}}
{{- $given := dig "nodeAffinity" "requiredDuringSchedulingIgnoredDuringExecution" "nodeSelectorTerms" (list dict) $affinity -}}
{{- $terms := list -}}
{{- range $term := $given -}}
{{- $terms = append $terms (set (deepCopy $term) "matchExpressions" (concat (default list $term.matchExpressions) $.nodes)) -}}
{{- end -}}
{{- $only := dict "requiredDuringSchedulingIgnoredDuringExecution" (dict "nodeSelectorTerms" $terms) -}}
{{- mustMergeOverwrite $affinity (dict "nodeAffinity" $only) | toJson -}}
{{- end -}}

{{/* Inputs of this and the next: . (root) */}}
{{- define "xscaler-istio.nobody" -}}
runAsNonRoot: true
{{- if dig "fixedUsers" true (include "xscaler-istio.platform" . | fromYaml) }}
runAsUser: 65534
runAsGroup: 65534
fsGroup: 65534
{{- end }}
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{/* Without any capability: it may read what belongs to root, and nothing more than that. */}}
{{- define "xscaler-istio.rootUser" -}}
runAsUser: 0
runAsGroup: 0
{{- with dig "logAgentSELinuxType" "" (include "xscaler-istio.platform" . | fromYaml) }}
seLinuxOptions:
  type: {{ . }}
{{- end }}
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{/* Keeps a pod out of the mesh: a collector behind a sidecar reads its own proxy whatever it scrapes. */}}
{{- define "xscaler-istio.outsideMesh" -}}
sidecar.istio.io/inject: "false"
istio.io/dataplane-mode: none
{{- end -}}

{{/* Where the program keeps its state. Inputs: as xscaler-istio.podTemplate */}}
{{- define "xscaler-istio.storageVolume" -}}
name: storage
{{- if .workload.stateFolder }}
hostPath:
  path: {{ .workload.stateFolder | quote }}
  type: DirectoryOrCreate
{{- else if dig "persistence" "enabled" false .settings }}
persistentVolumeClaim:
  claimName: {{ .name | quote }}
{{- else }}
emptyDir:
  sizeLimit: {{ dig "persistence" "size" "64Mi" .settings | quote }}
{{- end }}
{{- end -}}
