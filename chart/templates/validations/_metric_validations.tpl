{{/*
Rules about what becomes of the series: their labels, their number of labels, whole histograms. Shape of each as in
_validations.tpl. The facts about Istio's metrics are in files/labels.yaml.
*/}}

{{- define "xscaler-istio.validate.labelBudget" -}}
{{- $facts := .Files.Get "files/labels.yaml" | fromYaml -}}
{{- $limit := int .Values.limits.labelsPerSeries -}}
{{- $added := include "xscaler-istio.addedLabels" . | trim | splitList " " | compact -}}
{{- range $job, $families := $facts.families -}}
{{- $tags := ternary $.Values.istio.customTags (list) (has $job $facts.customTags) | uniq -}}
{{- $over := list -}}
{{- range $family, $groups := $families -}}
{{- $labels := list -}}
{{- range $group := ternary $groups (without $groups "regions") (empty $added) -}}
{{- $labels = concat $labels (index $facts.groups $group) -}}
{{- end -}}
{{- $count := concat $labels $added $tags | uniq | len -}}
{{- if gt $count $limit -}}
{{- $over = append $over (printf "%d on %s" $count $family) -}}
{{- end -}}
{{- end -}}
{{- if and $over (index $.Values.metrics.targets $job).enabled }}

limits.labelsPerSeries is {{ $limit }}, and series of the job {{ $job }} would have more labels: {{ join ", " $over }}. xScaler refuses
them.
# at: limits.labelsPerSeries{{ if $added }}, metrics.extraLabels, metrics.extraMetricRelabelings{{ end }}{{ if $tags }}, istio.customTags{{ end }}
# fix: {{ include "xscaler-istio.fewerLabels" (dict "added" $added "tags" $tags) }}
{{- end }}
{{- end -}}
{{- end -}}

{{/* What to do about too many labels. Inputs: added (by extraLabels and rules), tags (custom ones of the mesh) */}}
{{- define "xscaler-istio.fewerLabels" -}}
{{- $removals := list -}}
{{- with .added }}{{ $removals = append $removals (printf "from metrics.extraLabels or metrics.extraMetricRelabelings some of: %s" (join ", " .)) }}{{ end -}}
{{- with .tags }}{{ $removals = append $removals (printf "from istio.customTags, and from the mesh, some of: %s" (join ", " .)) }}{{ end -}}
{{- if $removals }}remove {{ join "; or " $removals }}{{ else }}set limits.labelsPerSeries to your plan's limit (30 by default){{ end -}}
{{- end -}}

{{- define "xscaler-istio.validate.extraLabels" -}}
{{- $taken := include "xscaler-istio.labelsOfIstio" . | fromYamlArray -}}
{{- range $name := keys .Values.metrics.extraLabels | sortAlpha -}}
{{- if or (has $name $taken) (has $name $.Values.istio.customTags) }}

metrics.extraLabels.{{ $name }} is a label that Istio's series already have; theirs would be renamed to exported_{{ $name }}, and
dashboards would not find them.
# at: metrics.extraLabels.{{ $name }}
# fix: choose another name
{{- end }}
{{- end -}}
{{- end -}}

{{- define "xscaler-istio.validate.metricNames" -}}
{{- $metrics := .Values.metrics -}}
{{- range $key := list "includeMetrics" "excludeMetrics" -}}
{{- range $expression := index $metrics $key -}}
{{- if not (include "xscaler-istio.isExpression" .) }}

metrics.{{ $key }} has an entry that is not a regular expression in RE2: {{ quote . }}.
# at: metrics.{{ $key }}
# fix: check its brackets and backslashes
{{- end }}
{{- end -}}
{{- end -}}
{{- range $expression := $metrics.excludeMetrics -}}
{{- with include "xscaler-istio.brokenHistograms" (dict "root" $ "rule" (dict "source_labels" (list "__name__") "regex" . "action" "drop")) | trim }}

metrics.excludeMetrics has {{ $expression | quote }}, which would drop part of {{ . }}. Without one of _bucket, _sum and _count a histogram is
not whole, and collectors differ in what they make of it.
# at: metrics.excludeMetrics
# fix: write, for example,
  metrics:
    excludeMetrics:
      - {{ splitList ", " . | first }}_(bucket|sum|count)
{{- end }}
{{- end -}}
{{- range $expression := $metrics.includeMetrics -}}
{{- if regexMatch "^[a-zA-Z_:][a-zA-Z0-9_:]*_(bucket|sum)$" . -}}
{{- $base := regexReplaceAll "_(bucket|sum)$" . "" -}}
{{- $all := printf "^(?:%s)$" (join "|" $metrics.includeMetrics) -}}
{{- if not (and (regexMatch $all (printf "%s_sum" $base)) (regexMatch $all (printf "%s_count" $base))) }}

metrics.includeMetrics has {{ . }} without the rest of its histogram or summary.
# at: metrics.includeMetrics
# fix: write
  metrics:
    includeMetrics:
      - {{ $base }}_(bucket|sum|count)
{{- end }}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "xscaler-istio.validate.extraMetricRelabelings" -}}
{{- $labels := include "xscaler-istio.labelsOfIstio" . | fromYamlArray -}}
{{- $groups := (.Files.Get "files/labels.yaml" | fromYaml).groups -}}
{{- $tags := concat $groups.reporter $groups.peers $groups.connection $groups.answer -}}
{{- range $number, $rule := .Values.metrics.extraMetricRelabelings -}}
{{- $place := printf "metrics.extraMetricRelabelings[%d]" $number -}}
{{- $action := default "replace" $rule.action -}}
{{- $regex := default "(.*)" $rule.regex -}}
{{- if not (include "xscaler-istio.isExpression" $regex) }}

{{ $place }}.regex is not a regular expression in RE2: {{ quote $regex }}.
# at: {{ $place }}.regex
# fix: check its brackets and backslashes
{{- else if has $action (list "labeldrop" "labelkeep") }}
{{- $gone := list -}}
{{- range $labels -}}
{{- if eq (regexMatch (printf "^(?:%s)$" $regex) .) (eq $action "labeldrop") }}{{ $gone = append $gone . }}{{ end -}}
{{- end -}}
{{- $ofTheMesh := list -}}
{{- range $gone }}{{ if has . $tags }}{{ $ofTheMesh = append $ofTheMesh . }}{{ end }}{{ end -}}
{{- if and $ofTheMesh (gt (len $gone) (len $ofTheMesh)) }}

{{ $place }} removes {{ join ", " $gone }}. These tell series apart: two series would become one, and one of their values would be
lost at every scrape.
# at: {{ $place }}
# fix: remove only labels of your own
{{- else if $ofTheMesh }}

{{ $place }} removes {{ join ", " $gone }}. These tell series apart: two series would become one, and one of their values would be
lost at every scrape.
# at: {{ $place }}
# fix: remove a tag where it arises, in the mesh, with a Telemetry object: spec.metrics[].overrides[].tagOverrides.{{ first $ofTheMesh }}.operation: REMOVE
{{- else if $gone }}

{{ $place }} removes {{ join ", " $gone }}. These tell series apart: two series would become one, and one of their values would be
lost at every scrape.
# at: {{ $place }}
# fix: remove it; for fewer series choose another profile, for example metrics.profile: minimal
{{- end }}
{{- else if has $action (list "replace" "hashmod" "lowercase" "uppercase") }}
{{- if has $rule.target_label $labels }}

{{ $place }} writes {{ $rule.target_label }}, which tells series apart: two series could become one, and one of their values would be lost
at every scrape.
# at: {{ $place }}
# fix: write to a label of your own
{{- end }}
{{- else if has $action (list "keep" "drop") }}
{{- with include "xscaler-istio.brokenHistograms" (dict "root" $ "rule" $rule) | trim }}

{{ $place }} would drop part of {{ . }}. _bucket{le="+Inf"}, _sum and _count stay together.
# at: {{ $place }}
# fix: match all of them or none
{{- end }}
{{- end }}
{{- end -}}
{{- end -}}

{{/*
Whether rules leave anything to send. It is tried with a name for each expression of the profile, of includeMetrics and of
rules that keep; a rule that no such name can be tried with counts as one that leaves something.
*/}}
{{- define "xscaler-istio.validate.somethingIsKept" -}}
{{- $metrics := .Values.metrics -}}
{{- $kept := $metrics.includeMetrics -}}
{{- range $profile := list $metrics.profile "minimal" -}}
{{- range $job, $expressions := ($.Files.Get (printf "files/profiles/%s.yaml" $profile) | fromYaml).keep -}}
{{- if (index $metrics.targets $job).enabled }}{{ $kept = concat $kept $expressions }}{{ end -}}
{{- end -}}
{{- end -}}
{{- $rules := list -}}
{{- with $metrics.excludeMetrics }}{{ $rules = append $rules (dict "key" "metrics.excludeMetrics" "action" "drop" "regex" (join "|" .)) }}{{ end -}}
{{- $tried := $kept -}}
{{- range $rule := $metrics.extraMetricRelabelings -}}
{{- if and (has $rule.action (list "keep" "drop")) (eq (toRawJson $rule.source_labels) `["__name__"]`) -}}
{{- $rules = append $rules (dict "key" "metrics.extraMetricRelabelings" "action" $rule.action "regex" (default "(.*)" $rule.regex)) -}}
{{- if eq $rule.action "keep" }}{{ $tried = append $tried (default "(.*)" $rule.regex) }}{{ end -}}
{{- end -}}
{{- end -}}
{{- $names := list -}}
{{- $open := list -}}
{{- $all := printf "^(?:%s)$" (join "|" $kept) -}}
{{- /* Without rules there is nothing to try, and a third of the chart's time is saved. */ -}}
{{- range $number, $expression := ternary $tried (list) (gt (len $rules) 0) -}}
{{- $itself := printf "^(?:%s)$" $expression -}}
{{- range $name := include "xscaler-istio.namesLike" . | trim | splitList " " -}}
{{- if not (regexMatch $itself .) -}}
{{- $open = append $open . -}}
{{- else if or (lt $number (len $kept)) (regexMatch $all .) -}}
{{- $names = append $names . -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $culprit := "" -}}
{{- range $rule := $rules -}}
{{- $left := list -}}
{{- range $names -}}
{{- if eq (regexMatch (printf "^(?:%s)$" $rule.regex) .) (eq $rule.action "keep") }}{{ $left = append $left . }}{{ end -}}
{{- end -}}
{{- if and $names (not $left) }}{{ $culprit = $rule.key }}{{ end -}}
{{- $names = $left -}}
{{- end -}}
{{- if and $culprit (not $open) (ne $metrics.collector "none") }}
{{ $culprit }} leaves nothing of the profile {{ $metrics.profile }}: pods would be scraped, and no metric of theirs sent.
# at: {{ $culprit }}
# fix: remove the entry that matches too much; for a release without metrics set
  metrics:
    collector: none
{{- end }}
{{- end -}}

{{/*
Names that an expression matches, one for each choice that it has, separated by spaces; none where it has very many.
Inputs: the expression
*/}}
{{- define "xscaler-istio.namesLike" -}}
{{- $choices := 1 -}}
{{- range splitList "(" . }}{{ $choices = min 1000000 (mul $choices (regexFindAll `[|?]` . -1 | len | add1)) }}{{ end -}}
{{- if lt $choices 1000 }}{{ include "xscaler-istio.everyName" . }}{{ end -}}
{{- end -}}

{{- define "xscaler-istio.everyName" -}}
{{- $expression := . -}}
{{- $group := regexFind `\([^()]*\)\??` . -}}
{{- if $group -}}
{{- $choices := $group | trimSuffix "?" | trimSuffix ")" | trimPrefix "(" | trimPrefix "?:" | splitList "|" -}}
{{- range $choice := ternary (append $choices "") $choices (hasSuffix "?" $group) -}}
{{- include "xscaler-istio.everyName" (replace $group . $expression) -}}
{{- end -}}
{{- else -}}
{{- range $choice := regexReplaceAll `\.[*+]` . "x" | splitList "|" }}{{ . }} {{ end -}}
{{- end -}}
{{- end -}}

{{/* Every label that tells series apart, as a YAML list. Inputs: . (root) */}}
{{- define "xscaler-istio.labelsOfIstio" -}}
{{- $facts := .Files.Get "files/labels.yaml" | fromYaml -}}
{{- $labels := $facts.other -}}
{{- range $facts.groups }}{{ $labels = concat $labels . }}{{ end -}}
{{- $labels | uniq | sortAlpha | toYaml -}}
{{- end -}}

{{/* Says true for a regular expression in RE2: the empty alternative matches, unless the whole does not compile. */}}
{{- define "xscaler-istio.isExpression" -}}
{{- if regexMatch (printf "(?:%s)|" .) "" }}true{{ end -}}
{{- end -}}

{{/*
The histograms of which a rule drops a part, separated by commas. Rules that look at other labels than the name and le
say nothing about this. Inputs: root, rule (keep or drop, in Prometheus' words)
*/}}
{{- define "xscaler-istio.brokenHistograms" -}}
{{- $rule := .rule -}}
{{- $broken := list -}}
{{- $expression := printf "^(?:%s)$" (default "(.*)" $rule.regex) -}}
{{- if and (not (without $rule.source_labels "__name__" "le")) (include "xscaler-istio.isExpression" (default "(.*)" $rule.regex)) -}}
{{- range $histogram := (.root.Files.Get "files/labels.yaml" | fromYaml).histograms -}}
{{- $stays := list -}}
{{- range $suffix := list "bucket" "sum" "count" -}}
{{- $series := dict "__name__" (printf "%s_%s" $histogram $suffix) "le" (ternary "+Inf" "" (eq $suffix "bucket")) -}}
{{- $values := list -}}
{{- range $rule.source_labels }}{{ $values = append $values (get $series .) }}{{ end -}}
{{- $stays = append $stays (eq (regexMatch $expression (join (default ";" $rule.separator) $values)) (eq $rule.action "keep")) -}}
{{- end -}}
{{- if gt (len (uniq $stays)) 1 }}{{ $broken = append $broken $histogram }}{{ end -}}
{{- end -}}
{{- end -}}
{{- join ", " $broken -}}
{{- end -}}
