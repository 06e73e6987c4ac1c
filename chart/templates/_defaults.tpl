{{/*
Puts the chart's defaults where a key is missing, so that every template may read every key: `helm upgrade
--reuse-values` brings the defaults of the chart that was installed before, which lack what is new, and `null` takes a
default away. Where `null` has a sense, for an amount in `resources`, it stays. Called by the template that Helm renders
first, validations/validations.yaml: the values are one map for all of them. Inputs: values, defaults
*/}}
{{- define "xscaler-istio.fillIn" -}}
{{- range $key, $default := .defaults -}}
{{- if not (hasKey $.values $key) -}}
{{- $_ := set $.values $key $default -}}
{{- else if and (kindIs "map" $default) (kindIs "map" (index $.values $key)) (ne $key "resources") -}}
{{- include "xscaler-istio.fillIn" (dict "values" (index $.values $key) "defaults" $default) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/*
Brings values that are filled in to the form that templates read: old names are moved to new ones (files/renamed.yaml),
and metrics and logs get the common choice of namespaces where they have none. Inputs: values, defaults, renamed
*/}}
{{- define "xscaler-istio.settle" -}}
{{- include "xscaler-istio.moveRenamed" . -}}
{{- range $part := list .values.metrics .values.logs -}}
{{- if not (or $part.namespaces.include $part.namespaces.exclude) }}{{ $_ := set $part "namespaces" $.values.namespaces }}{{ end -}}
{{- end -}}
{{- end -}}

{{/*
Moves old names, and leaves in the key x-renamed what was moved: from, to, value (the new one), and both where the new
name has a value too. A value counts only if it is not the default: `--reuse-values` brings the defaults of old names.
Inputs: as xscaler-istio.settle
*/}}
{{- define "xscaler-istio.moveRenamed" -}}
{{- $moved := list -}}
{{- range $renamed := .renamed -}}
{{- $old := dict "values" $.values "path" .from -}}
{{- $new := dict "values" $.values "path" .to -}}
{{- $usual := dict "values" $.defaults "path" .to -}}
{{- range list $old $new $usual }}{{ include "xscaler-istio.find" . }}{{ end -}}
{{- if and (hasKey $old "value") (kindIs "invalid" $old.value) -}}
{{- $_ := unset $old.parent $old.key -}}
{{- else if hasKey $old "value" -}}
{{- include "xscaler-istio.convert" (dict "renamed" . "place" $old) -}}
{{- if hasKey $old "converted" -}}
{{- if ne .from .to }}{{ $_ := unset $old.parent $old.key }}{{ end -}}
{{- $both := and (ne .from .to) (ne (toJson $new.value) (toJson $usual.value)) -}}
{{- if ne (toJson $old.converted) (toJson $usual.value) -}}
{{- $moved = append $moved (dict "from" .from "to" .to "was" $old.value "value" $old.converted "both" $both) -}}
{{- if not $both }}{{ $_ := set $new.parent $new.key $old.converted }}{{ end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $_ := set .values "x-renamed" $moved -}}
{{- end -}}

{{/* Finds a key: adds parent and key, and value where the key is there. Inputs: values, path (dotted) */}}
{{- define "xscaler-istio.find" -}}
{{- $steps := splitList "." .path -}}
{{- $parent := .values -}}
{{- range initial $steps }}{{ if kindIs "map" $parent }}{{ $parent = index $parent . }}{{ end }}{{ end -}}
{{- $key := last $steps -}}
{{- $_ := set . "parent" $parent -}}
{{- $_ := set . "key" $key -}}
{{- if kindIs "map" $parent }}{{ if hasKey $parent $key }}{{ $_ := set . "value" (index $parent $key) }}{{ end }}{{ end -}}
{{- end -}}

{{/*
Adds to a place what its value is under the new name, as converted; nothing where the value is not one that the old name
could have. Inputs: renamed (an entry of files/renamed.yaml), place (as found)
*/}}
{{- define "xscaler-istio.convert" -}}
{{- $value := .place.value -}}
{{- if .renamed.values -}}
{{- range .renamed.values -}}
{{- if eq (toJson .from) (toJson $value) }}{{ $_ := set $.place "converted" .to }}{{ end -}}
{{- end -}}
{{- else if not .renamed.factor -}}
{{- $_ := set .place "converted" $value -}}
{{- else if or (kindIs "float64" $value) (kindIs "int64" $value) -}}
{{- $_ := set .place "converted" (mulf $value .renamed.factor) -}}
{{- end -}}
{{- end -}}
