{{/*
The pod, written once for every workload.
Inputs: root, component, name (of its ConfigMap), labels, config (the text of that ConfigMap), settings (the
program's block of values), workload (a parsed `xscaler-istio.collector.workload` or `logs.workload`)
*/}}
{{- define "xscaler-istio.podTemplate" -}}
{{- $pod := include "xscaler-istio.podSettings" . | fromJson -}}
{{- $_ := set . "pod" $pod -}}
{{- $annotations := dict "sidecar.istio.io/inject" "false" "kubectl.kubernetes.io/default-container" "collector" -}}
{{- if eq .workload.reload "restart" -}}
{{- $_ := set $annotations "checksum/config" (sha256sum .config) -}}
{{- end -}}
metadata:
  # No version labels here: an upgrade that changes nothing else must not restart the collector.
  labels:
    {{- mustMergeOverwrite (deepCopy .root.Values.commonLabels) $pod.labels (include "xscaler-istio.selectorLabels" . | fromYaml) .labels (include "xscaler-istio.outsideMesh" . | fromYaml) | toYaml | nindent 4 }}
  annotations:
    {{- mustMergeOverwrite (deepCopy .root.Values.commonAnnotations) $pod.annotations $annotations | toYaml | nindent 4 }}
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
    - name: config
      configMap:
        name: {{ .name | quote }}
    - {{ include "xscaler-istio.authVolume" .root | nindent 6 | trim }}
    {{- if .root.Values.xscaler.tls.ca.name }}
    - {{ include "xscaler-istio.caVolume" .root | nindent 6 | trim }}
    {{- end }}
    {{- if .workload.storageFolder }}
    - {{ include "xscaler-istio.storageVolume" . | nindent 6 | trim }}
    {{- end }}
    {{- range $number, $folder := .workload.hostFolders }}
    - name: logs-{{ $number }}
      hostPath:
        path: {{ $folder }}
    {{- end }}
    {{- with $pod.extraVolumes }}
    {{- toYaml . | nindent 4 }}
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
{{- if hasKey .workload "everyNode" }}{{ $shared = omit $shared "nodeSelector" "tolerations" "affinity" }}{{ end -}}
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
{{- with concat (include "xscaler-istio.globalPullSecrets" .root | fromJsonArray) .pod.imagePullSecrets }}{{ $_ := set $own "imagePullSecrets" . }}{{ end -}}
{{- range $key := list "nodeSelector" "tolerations" "affinity" "topologySpreadConstraints" "priorityClassName" "runtimeClassName" "dnsConfig" "hostAliases" -}}
{{- with index $.pod $key }}{{ $_ := set $own $key . }}{{ end -}}
{{- end -}}
{{- with $workload.nodes }}
{{- $_ := set $own "affinity" (include "xscaler-istio.onlyOn" (dict "nodes" . "affinity" (default dict $own.affinity)) | fromJson) -}}
{{- end -}}
{{- mustMergeOverwrite $defaults $own | toYaml -}}
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

{{/* The program's container. Inputs: as xscaler-istio.podTemplate, and pod (the complete block `pod`) */}}
{{- define "xscaler-istio.container" -}}
name: collector
image: {{ include "xscaler-istio.image" (dict "root" .root "image" .settings.image) | quote }}
imagePullPolicy: {{ .settings.image.pullPolicy }}
args:
  {{- concat .workload.args .settings.extraArgs | toYaml | nindent 2 }}
{{- with include "xscaler-istio.environment" . | trim }}
env:
  {{- . | nindent 2 }}
{{- end }}
{{- with .pod.extraEnvFrom }}
envFrom:
  {{- toYaml . | nindent 2 }}
{{- end }}
ports:
  - name: http
    containerPort: {{ .workload.port }}
readinessProbe:
  httpGet:
    path: {{ .workload.readinessPath }}
    port: http
  periodSeconds: 5
livenessProbe:
  httpGet:
    path: {{ .workload.livenessPath }}
    port: http
  initialDelaySeconds: 10
  periodSeconds: 15
  failureThreshold: 6
resources:
  {{- toYaml .settings.resources | nindent 2 }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
volumeMounts:
  - name: config
    mountPath: /etc/collector
    readOnly: true
  - name: auth
    mountPath: {{ include "xscaler-istio.authFolder" .root }}
    readOnly: true
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
  {{- with .pod.extraVolumeMounts }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end -}}

{{/* Environment variables, or nothing. Inputs: as xscaler-istio.container */}}
{{- define "xscaler-istio.environment" -}}
{{- with include "xscaler-istio.goMemoryLimit" . }}
# Go frees memory sooner when it comes near this.
- name: GOMEMLIMIT
  value: {{ . | quote }}
{{- end }}
{{- if .workload.nodeName }}
- name: NODE_NAME
  valueFrom:
    fieldRef:
      fieldPath: spec.nodeName
{{- end }}
{{- with .pod.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* GOMEMLIMIT in bytes for a program that does not find it out itself, or nothing. Inputs: as xscaler-istio.podTemplate */}}
{{- define "xscaler-istio.goMemoryLimit" -}}
{{- $memory := dig "limits" "memory" "" .settings.resources -}}
{{- if and .workload.goMemoryLimitPercent $memory -}}
{{- div (mul (include "xscaler-istio.bytes" $memory) .workload.goMemoryLimitPercent) 100 -}}
{{- end -}}
{{- end -}}

{{/* A Kubernetes quantity in bytes. Inputs: the quantity, a string or a number */}}
{{- define "xscaler-istio.bytes" -}}
{{- $decimal := dict "m" 0.001 "" 1 "k" 1e3 "M" 1e6 "G" 1e9 "T" 1e12 "P" 1e15 "E" 1e18 -}}
{{- $binary := dict "Ki" 1024 "Mi" 1048576 "Gi" 1073741824 "Ti" 1099511627776 "Pi" 1125899906842624 "Ei" 1152921504606846976 -}}
{{- $text := toString . -}}
{{- $number := regexFind "^[0-9.]+([eE][+-]?[0-9]+)?" $text -}}
{{- mulf (float64 $number) (trimPrefix $number $text | index (merge $decimal $binary)) | int64 -}}
{{- end -}}
