{{/*
What becomes of a line, as stages of loki.process; each define is one format. The regular expressions and the fields are
in files/logs/formats.yaml. Inputs of all: root, formats (that file, parsed)
*/}}

{{/* Istio's access log as TEXT. */}}
{{- define "logs.stages.text" -}}
stage.match {
  selector = {{ printf "`{namespace=~\".+\"} |~ %q`" .formats.begins.text }}
  stage.regex {
    expression = {{ include "logs.expression" (dict "formats" .formats "reading" "strict") | quote }}
  }
  stage.labels {
    values = {parsed = "response_code"}
  }
  stage.match {
    selector = `{parsed=""}`
    stage.regex {
      expression = {{ include "logs.expression" (dict "formats" .formats "reading" "lenient") | quote }}
    }
    stage.labels {
      values = {parsed = "response_code"}
    }
  }
  {{- include "logs.stages.access" (dict "root" .root "formats" .formats "format" "text") | nindent 2 }}
}
{{- end -}}

{{/* Istio's access log as JSON. A line with a scope comes from a program's own log. */}}
{{- define "logs.stages.json" -}}
stage.match {
  selector = {{ printf "`{namespace=~\".+\"} |~ %q != \"\\\"scope\\\":\"`" .formats.begins.json }}
  stage.json {
    expressions = {
      start_time = "",
      {{- range $name := include "logs.fields" . | fromYamlArray }}
      {{ $name }} = "",
      {{- end }}
    }
  }
  stage.labels {
    values = {parsed = "response_flags"}
  }
  // The one field that JSON has a dash for instead of null.
  stage.template {
    source = "response_flags"
    template = "{{ "{{" }} if ne .Value `-` }}{{ "{{" }} .Value }}{{ "{{" }} end }}"
  }
  {{- include "logs.stages.access" (dict "root" .root "formats" .formats "format" "json") | nindent 2 }}
}
{{- end -}}

{{/* What both have in common, once the fields are known. Inputs: also format (text or json) */}}
{{- define "logs.stages.access" -}}
{{- $logs := .root.Values.logs -}}
stage.match {
  selector = `{parsed=~".+"}`
  {{- if lt (float64 $logs.sampling.successRatio) 1.0 }}
  stage.match {
    selector = {{ printf "`{namespace=~\".+\"}%s`" (include "logs.filters" (index .formats.success .format)) }}
    stage.sampling {
      rate = {{ $logs.sampling.successRatio }}
      drop_counter_reason = "sampled"
    }
  }
  {{- end }}
  // The time at which the request began, to the millisecond. The runtime's time is up to a second late; a request or
  // connection of more than 100 s keeps it all the same, since Loki refuses lines that are much too old.
  stage.template {
    source = "line_time"
    template = "{{ "{{" }} if le (len .duration) 5 }}{{ "{{" }} .start_time }}{{ "{{" }} end }}"
  }
  stage.timestamp {
    source = "line_time"
    format = "RFC3339Nano"
    action_on_failure = "skip"
    // Else the second line of a millisecond gets another time when it is read again, and Loki stores it twice.
    action_on_duplicate_timestamp = "keep"
  }
  {{- include "logs.metadata" (dict "root" .root "names" (include "logs.fields" . | fromYamlArray)) | nindent 2 }}
  {{- if $logs.dashboardLabels }}
  stage.labels {
    values = {protocol = "", request_method = "method", response_code = ""}
  }
  {{- end }}
  stage.static_labels {
    values = {log_type = "access"}
  }
}
{{- end -}}

{{/* ztunnel's access log, plain and as JSON. */}}
{{- define "logs.stages.ztunnel" -}}
{{- $names := keys .formats.ztunnel | sortAlpha -}}
stage.match {
  selector = {{ printf "`{log_type=\"\"} |~ %q`" .formats.begins.ztunnel }}
  stage.regex {
    expression = {{ .formats.ztunnelPairs | quote }}
  }
  stage.logfmt {
    source = "pairs"
    mapping = {
      {{- range $name, $key := .formats.ztunnel }}
      {{ $name }} = {{ $key | quote }},
      {{- end }}
    }
  }
  {{- include "logs.stages.ztunnelAccess" (dict "root" .root "names" $names "success" .formats.success.ztunnel) | nindent 2 }}
}
stage.match {
  selector = {{ printf "`{log_type=\"\"} |~ %q |= \"\\\"scope\\\":\\\"access\\\"\"`" .formats.begins.json }}
  stage.json {
    expressions = {
      start_time = "time",
      {{- range $name, $key := .formats.ztunnel }}
      {{ $name }} = {{ printf "%q" $key | quote }},
      {{- end }}
    }
  }
  {{- include "logs.stages.ztunnelAccess" (dict "root" .root "names" $names "success" .formats.success.ztunnelJson) | nindent 2 }}
}
{{- end -}}

{{/* Inputs: root, names (of the fields), success (line filters) */}}
{{- define "logs.stages.ztunnelAccess" -}}
{{- if lt (float64 .root.Values.logs.sampling.successRatio) 1.0 }}
stage.match {
  selector = {{ printf "`{namespace=~\".+\"}%s`" (include "logs.filters" .success) }}
  stage.sampling {
    rate = {{ .root.Values.logs.sampling.successRatio }}
    drop_counter_reason = "sampled"
  }
}
{{- end }}
{{- include "logs.metadata" . }}
stage.static_labels {
  values = {log_type = "access"}
}
{{- end -}}

{{/* What agent, Envoy, ztunnel, istiod and istio-cni say of themselves, plain and as JSON. */}}
{{- define "logs.stages.system" -}}
stage.match {
  selector = {{ printf "`{log_type=\"\"} |~ %q`" .formats.begins.tabbed }}
  stage.regex {
    expression = {{ .formats.systemLevel | quote }}
  }
  {{- include "logs.stages.systemLevel" . | nindent 2 }}
}
stage.match {
  selector = {{ printf "`{log_type=\"\"} |~ %q |= \"\\\"scope\\\":\"`" .formats.begins.json }}
  stage.json {
    expressions = {start_time = "time", level = ""}
  }
  {{- include "logs.stages.systemLevel" . | nindent 2 }}
}
{{- end -}}

{{/* A line whose level is none of theirs is left to what follows. */}}
{{- define "logs.stages.systemLevel" -}}
stage.template {
  source = "level"
  template = "{{ "{{" }} $level := .level | replace `warning` `warn` | replace `critical` `error` }}{{ "{{" }} if has $level (list `trace` `debug` `info` `warn` `error` `fatal`) }}{{ "{{" }} $level }}{{ "{{" }} end }}"
}
stage.labels {
  values = {level = ""}
}
stage.match {
  selector = `{level=~".+"}`
  stage.static_labels {
    values = {log_type = "system"}
  }
}
{{- end -}}

{{/* What is left: an access log in a format of the user's own on standard output, and else a program's last words. */}}
{{- define "logs.stages.rest" -}}
stage.match {
  selector = `{log_type="",stream!="stderr",container="istio-proxy"}`
  stage.template {
    source = "format"
    template = "custom"
  }
  {{- include "logs.metadata" (dict "root" .root "names" (list "format")) | nindent 2 }}
  stage.static_labels {
    values = {log_type = "access"}
  }
}
stage.match {
  selector = `{log_type=""}`
  stage.static_labels {
    values = {log_type = "system"}
  }
}
{{- end -}}

{{/* Removes what nobody should read, before anything is taken out of the line. */}}
{{- define "logs.stages.privacy" -}}
{{- if .root.Values.logs.redactQueryStrings -}}
stage.match {
  selector = {{ printf "`{namespace=~\".+\"} |~ %q`" .formats.queryHint }}
  stage.replace {
    expression = {{ .formats.query | quote }}
    replace = "redacted"
  }
}
{{- end }}
{{- if .root.Values.logs.maskForwardedFor }}
stage.replace {
  expression = {{ .formats.forwardedFor | quote }}
  replace = "masked"
}
{{- end }}
{{- end -}}

{{/* Line filters of LogQL, each after a space. Inputs: a list of maps from operator to operand */}}
{{- define "logs.filters" -}}
{{- range . }}{{ range $operator, $operand := . }} {{ $operator }} {{ printf "%q" $operand }}{{ end }}{{ end -}}
{{- end -}}

{{/* The regular expression of a whole TEXT line. Inputs: formats, reading (strict or lenient) */}}
{{- define "logs.expression" -}}
{{- $reading := index .formats.readings .reading -}}
{{- $parts := list (printf "^\\[(?P<start_time>[^\\]]+)\\] \"%s\"" $reading.request) -}}
{{- range .formats.text -}}
{{- $parts = append $parts (index $reading .is | replace "NAME" .name) -}}
{{- end -}}
{{- join " " $parts }}$
{{- end -}}

{{/* The names of the access log's fields but for its time, as a YAML list. Inputs: formats */}}
{{- define "logs.fields" -}}
{{- $names := .formats.request -}}
{{- range .formats.text }}{{ $names = append $names .name }}{{ end -}}
{{- toYaml $names -}}
{{- end -}}

{{/* Fields as structured metadata, or nothing. Inputs: root, names */}}
{{- define "logs.metadata" -}}
{{- if eq .root.Values.logs.fields "structuredMetadata" }}
stage.structured_metadata {
  values = {
    {{- range .names }}
    {{ . }} = "",
    {{- end }}
  }
}
{{- end }}
{{- end -}}
