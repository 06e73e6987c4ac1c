{{/*
Rejects tokens in values that are not secret. _validations.tpl describes the format of a rule. No message contains a
token. `helm xscaler validate` recognises more, such as long random text (XS206).
*/}}

{{- define "xscaler-istio.validate.tokens" -}}
{{- /* Most values have none: one search over all of them saves the walk through each. */ -}}
{{- if include "xscaler-istio.isToken" (toRawJson .Values) -}}
{{- range $key, $value := omit .Values "global" "extraObjects" -}}
{{- if not (hasPrefix "x-" $key) }}{{ include "xscaler-istio.validateTokens" (dict "at" $key "value" $value) }}{{ end -}}
{{- end -}}
{{- range $number, $object := .Values.extraObjects -}}
{{- $kind := "" -}}
{{- if kindIs "map" $object }}{{ $kind = toString $object.kind }}{{ else if kindIs "string" $object }}{{ $kind = regexFind "(?m)^kind: *[A-Za-z]+" $object | replace "kind:" "" | trim }}{{ end -}}
{{- if ne $kind "Secret" }}{{ include "xscaler-istio.validateTokens" (dict "at" (printf "extraObjects[%d]" $number) "value" $object) }}{{ end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Prints a problem for each text and key that is a token. Inputs: at (the path of the value), value */}}
{{- define "xscaler-istio.validateTokens" -}}
{{- if kindIs "string" .value -}}
{{- if and (ne .at "xscaler.auth.token") (include "xscaler-istio.isToken" .value) }}

{{ .at }} contains a token. This value is not kept secret: everyone who may read it could write to your account.
# at: {{ .at }}
# fix: put the token into a Secret, name it in xscaler.auth.existingSecret.name, and write the right value here; rotate the token if this file has been stored anywhere
{{- end }}
{{- else if kindIs "map" .value -}}
{{- range $key, $value := .value -}}
{{- if include "xscaler-istio.isToken" $key }}

{{ $.at }} has a key that is a token. Keys are not kept secret: everyone who may read them could write to your account.
# at: {{ $.at }}
# fix: put the token into a Secret, name it in xscaler.auth.existingSecret.name, and remove the key; rotate the token if this file has been stored anywhere
{{- else }}
{{- include "xscaler-istio.validateTokens" (dict "at" (printf "%s.%s" $.at ($key | replace "." "\\.")) "value" $value) }}
{{- end }}
{{- end -}}
{{- else if kindIs "slice" .value -}}
{{- range $number, $value := .value }}{{ include "xscaler-istio.validateTokens" (dict "at" (printf "%s[%d]" $.at $number) "value" $value) }}{{ end -}}
{{- end -}}
{{- end -}}

{{/* Prints true if the text contains an xScaler key or a JSON Web Token. Inputs: the text */}}
{{- define "xscaler-istio.isToken" -}}
{{- if regexMatch "xag_[A-Za-z0-9]{6}|eyJ[0-9A-Za-z_-]{8,}\\.[0-9A-Za-z_-]+" . }}true{{ end -}}
{{- end -}}
