{{/*
Rules about what values add to pods. _validations.tpl describes the format of a rule. The API server rejects lists that have
two entries of one key, such as two volumes of one name, if they come with server-side apply, which Helm 4 uses.
*/}}

{{/*
The pods that values add to, as a JSON list of the inputs of xscaler-istio.podTemplate, with program (the key of settings).
Inputs: . (root)
*/}}
{{- define "xscaler-istio.programs" -}}
{{- $programs := list -}}
{{- if ne .Values.metrics.collector "none" -}}
{{- $workload := include "xscaler-istio.collector.workload" (dict "root" .) | fromYaml -}}
{{- $programs = append $programs (dict "program" .Values.metrics.collector "component" "metrics" "workload" $workload) -}}
{{- end -}}
{{- range $part := include "xscaler-istio.logs.parts" . | fromYamlArray -}}
{{- $workload := include "xscaler-istio.logs.workload" (dict "root" $ "source" $part.source "fargate" $part.fargate) | fromYaml -}}
{{- $programs = append $programs (dict "program" "logAgent" "component" $part.component "workload" $workload) -}}
{{- end -}}
{{- toRawJson $programs -}}
{{- end -}}

{{- define "xscaler-istio.validate.extraArgs" -}}
{{- $problems := list -}}
{{- range $pod := include "xscaler-istio.programs" . | fromJsonArray -}}
{{- $key := printf "%s.extraArgs" $pod.program -}}
{{- $seen := list -}}
{{- range (index $.Values $pod.program).extraArgs -}}
{{- $flag := include "xscaler-istio.flag" (toString .) -}}
{{- if and (has $flag $pod.workload.fixedFlags) (not (has . $pod.workload.args)) -}}
{{- $problems = append $problems (dict "key" $key "flag" $flag "fixed" true) -}}
{{- else if has $flag $seen -}}
{{- $problems = append $problems (dict "key" $key "flag" $flag "fixed" false) -}}
{{- end -}}
{{- if and $flag (not (has $flag $pod.workload.repeatableFlags)) }}{{ $seen = append $seen $flag }}{{ end -}}
{{- end -}}
{{- end -}}
{{- range uniq $problems -}}
{{- if .fixed }}

{{ .key }} has --{{ .flag }}, which the chart sets: other parts of the release depend on its value.
# at: {{ .key }}
# fix: remove --{{ .flag }}
{{- else }}

{{ .key }} has --{{ .flag }} twice, and the program takes it once.
# at: {{ .key }}
# fix: remove one of them
{{- end }}
{{- end -}}
{{- end -}}

{{/* Kubernetes creates no pod that requests more than its limit: the Deployment would stay without pods. */}}
{{- define "xscaler-istio.validate.requests" -}}
{{- $blocks := dict -}}
{{- $pods := dict "pod" .Values.pod -}}
{{- range include "xscaler-istio.programs" . | fromJsonArray -}}
{{- $settings := index $.Values .program -}}
{{- $_ := set $blocks .program $settings -}}
{{- $_ := set $pods (printf "%s.pod" .program) $settings.pod -}}
{{- end -}}
{{- if .Values.tests.enabled }}{{ $_ := set $blocks "tests" .Values.tests }}{{ end -}}
{{- range $place, $pod := $pods -}}
{{- range $list := list "initContainers" "extraContainers" -}}
{{- range $number, $container := default list (index $pod $list) }}{{ $_ := set $blocks (printf "%s.%s[%d]" $place $list $number) $container }}{{ end -}}
{{- end -}}
{{- end -}}
{{- range $block, $settings := $blocks -}}
{{- $resources := $settings.resources -}}
{{- if not (kindIs "map" $resources) }}{{ $resources = dict }}{{ end -}}
{{- range $resource, $request := default dict $resources.requests -}}
{{- $limit := get (default dict $resources.limits) $resource -}}
{{- if and (ne (toString $limit) "") (gt (include "xscaler-istio.amount" $request | float64) (include "xscaler-istio.amount" $limit | float64)) }}

{{ $block }}.resources.requests.{{ $resource }} is {{ $request }}, and the limit is {{ $limit }}. Kubernetes rejects pods that request more than their limit.
# at: {{ $block }}.resources.requests.{{ $resource }}, {{ $block }}.resources.limits.{{ $resource }}
# fix: lower the request, or raise {{ $block }}.resources.limits.{{ $resource }}
{{- end }}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "xscaler-istio.validate.additions" -}}
{{- $lists := include "xscaler-istio.addedLists" . | fromYamlArray -}}
{{- $problems := list -}}
{{- range $program := include "xscaler-istio.programs" . | fromJsonArray -}}
{{- $settings := index $.Values $program.program -}}
{{- $input := merge (dict "root" $ "settings" $settings "name" "") $program -}}
{{- $pod := include "xscaler-istio.podSettings" $input | fromJson -}}
{{- $taken := dict "volume" list "mount path" list "container" (list "collector") -}}
{{- range include "xscaler-istio.volumes" $input | fromYamlArray }}{{ $_ := set $taken "volume" (append $taken.volume .name) }}{{ end -}}
{{- range include "xscaler-istio.volumeMounts" $input | fromYamlArray -}}
{{- $_ := set $taken "mount path" (append (index $taken "mount path") .mountPath) -}}
{{- end -}}
{{- range $list := $lists -}}
{{- $place := printf "%s.%s" (ternary (printf "%s.pod" $program.program) "pod" (hasKey $settings.pod $list.key)) $list.key -}}
{{- $own := list -}}
{{- range $entry := index $pod $list.key -}}
{{- $parts := list -}}
{{- range $list.by }}{{ $parts = append $parts (get $entry . | toString) }}{{ end -}}
{{- $value := join ", " $parts -}}
{{- if eq $list.what "mount path" }}{{ $value = clean $value }}{{ end -}}
{{- $fix := ternary (printf "put all hostnames of %s into one entry" $value) "remove one of them" (eq $list.what "address") -}}
{{- $problem := dict "key" $place "what" $list.what "value" $value "twice" (has $value $own) "fix" $fix -}}
{{- if or $problem.twice (has $value (index $taken $list.what)) }}{{ $problems = append $problems $problem }}{{ end -}}
{{- $own = append $own $value -}}
{{- end -}}
{{- $_ := set $taken $list.what (concat (default list (index $taken $list.what)) $own) -}}
{{- end -}}
{{- end -}}
{{- range uniq $problems -}}
{{- if .twice }}

{{ .key }} has two entries with the {{ .what }} {{ .value }}. Kubernetes rejects such a list.
# at: {{ .key }}
# fix: {{ .fix }}
{{- else }}

{{ .key }} has the {{ .what }} {{ .value }}, which the pod has already. Kubernetes rejects two of them.
# at: {{ .key }}
# fix: use another {{ .what }}
{{- end }}
{{- end -}}
{{- end -}}

{{/* An agent that reads the files of its node finds that node's pods by this variable. */}}
{{- define "xscaler-istio.validate.nodeName" -}}
{{- range $program := include "xscaler-istio.programs" . | fromJsonArray -}}
{{- $pod := ternary "pod" (printf "%s.pod" $program.program) (not (hasKey (index $.Values $program.program "pod") "extraEnv")) -}}
{{- $variables := (merge (dict "root" $ "settings" (index $.Values $program.program)) $program | include "xscaler-istio.podSettings" | fromJson).extraEnv -}}
{{- range $variables -}}
{{- if and $program.workload.nodeName (eq (toString .name) "NODE_NAME") (ne (dig "fieldRef" "fieldPath" "" (default dict .valueFrom)) "spec.nodeName") }}

{{ $pod }}.extraEnv sets NODE_NAME, by which the log agent knows its node: it would read no logs, or those of another node.
# at: {{ $pod }}.extraEnv
# fix: remove it; the chart sets it to the name of the node
{{- end }}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* The lists of a block `pod`, what one entry has that no other may have, and the keys by which Kubernetes finds it. */}}
{{- define "xscaler-istio.addedLists" -}}
- {key: extraEnv, what: variable, by: [name]}
- {key: extraVolumes, what: volume, by: [name]}
- {key: extraVolumeMounts, what: mount path, by: [mountPath]}
- {key: extraContainers, what: container, by: [name]}
- {key: initContainers, what: container, by: [name]}
- {key: hostAliases, what: address, by: [ip]}
- {key: topologySpreadConstraints, what: topology key and action, by: [topologyKey, whenUnsatisfiable]}
{{- end -}}
