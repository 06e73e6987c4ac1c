{{/*
How a line is taken apart, as stages of loki.process; the first format that knows it is its own. Expressions and fields are
in files/logs/formats.yaml, Alloy's own templates in files/logs/templates.yaml. Inputs of all: root, formats, templates
(these files, parsed)
*/}}

{{- define "xscaler-istio.logs.stages.text" -}}
{{- $twice := .formats.twice | replace "MIDDLE" .formats.middle -}}
{{- $unclear := .formats.unclear | replace "MIDDLE" .formats.middle -}}
// ==== Take apart, TEXT: Istio's access log as text
stage.match {
  selector = {{ include "xscaler-istio.logs.selector" (dict "labels" "namespace=~\".+\"" "filters" (list (dict "|~" .formats.begins.text))) | indent 2 | trim }}
  stage.regex {
    expression = {{ include "xscaler-istio.logs.expression" (dict "formats" .formats "reading" "strict") | indent 4 | trim }}
  }
  stage.labels {
    values = {parsed = "response_code"}
  }
  stage.match {
    selector = `{parsed=""}`
    // Two places may be the end of the request: the line is marked, and nothing is taken from it.
    stage.template {
      source = "ambiguous"
      template = "quotes"
    }
    stage.match {
      selector = {{ include "xscaler-istio.logs.selector" (dict "labels" "parsed=\"\"" "filters" (list (dict "!~" $twice))) | indent 6 | trim }}
      stage.template {
        source = "ambiguous"
        template = ""
      }
      stage.regex {
        expression = {{ include "xscaler-istio.logs.expression" (dict "formats" .formats "reading" "lenient") | indent 8 | trim }}
      }
      stage.labels {
        values = {parsed = "response_code"}
      }
      stage.match {
        selector = `{parsed=""}`
        stage.template {
          source = "format"
          template = "custom"
        }
      }
      // Which quote ends the client's texts is open; the fields of the proxy are the proxy's.
      stage.match {
        selector = {{ include "xscaler-istio.logs.selector" (dict "labels" "parsed=~\".+\"" "filters" (list (dict "|~" $unclear))) | indent 8 | trim }}
        stage.template {
          source = "ambiguous"
          template = "quotes"
        }
      }
      // Without its own time the line keeps the runtime's.
      stage.match {
        selector = {{ include "xscaler-istio.logs.selector" (dict "labels" "namespace=~\".+\"" "filters" (list (dict "|~" .formats.long))) | indent 8 | trim }}
        stage.template {
          source = "start_time"
          template = ""
        }
      }
    }
  }
  {{- include "xscaler-istio.logs.stages.access" (dict "root" .root "formats" .formats "templates" .templates "format" "text" "names" (list "format" "ambiguous")) | nindent 2 }}
}
{{- end -}}

{{- define "xscaler-istio.logs.stages.json" -}}
// ==== Take apart, JSON: Istio's access log as JSON
stage.match {
  selector = {{ include "xscaler-istio.logs.selector" (dict "labels" "log_type=\"\"" "filters" (list (dict "|~" .formats.begins.json) (dict "|=" "\"response_flags\""))) | indent 2 | trim }}
  stage.json {
    expressions = {
      parsed = "response_flags",
      start_time = {{ include "xscaler-istio.alloyText" .formats.jsonTime }},
      {{- range $name := include "xscaler-istio.logs.fields" . | fromYamlArray }}
      {{ $name }} = {{ ternary (replace "NAME" $name $.formats.jsonValue) "" (eq $name "response_flags") | quote }},
      {{- end }}
      trace_id = {{ .formats.jsonTraceId | quote }},
    }
  }
  stage.labels {
    values = {parsed = ""}
  }
  stage.match {
    selector = `{parsed=~".+"}`
    // Some versions write a dash for what is missing, others null.
    stage.match {
      selector = {{ include "xscaler-istio.logs.selector" (dict "labels" "namespace=~\".+\"" "filters" (list (dict "|~" .formats.jsonDash))) | indent 6 | trim }}
      stage.json {
        expressions = {
          {{- range $name := include "xscaler-istio.logs.fields" . | fromYamlArray }}
          {{ $name }} = {{ replace "NAME" $name $.formats.jsonValue | quote }},
          {{- end }}
        }
      }
    }
    {{- include "xscaler-istio.logs.stages.access" (dict "root" .root "formats" .formats "templates" .templates "format" "json" "names" list) | nindent 4 }}
  }
}
{{- end -}}

{{/* What both have in common, once the fields are known. Inputs: also format (text or json), names (of more fields) */}}
{{- define "xscaler-istio.logs.stages.access" -}}
{{- $logs := .root.Values.logs -}}
{{- with $logs.drop.paths }}{{ include "xscaler-istio.logs.stages.drop" (dict "field" "path" "globs" . "end" "(?:[?#].*)?") }}
{{ end -}}
{{- with $logs.drop.userAgents }}{{ include "xscaler-istio.logs.stages.drop" (dict "field" "user_agent" "globs" . "end" "") }}
{{ end -}}
{{- with include "xscaler-istio.logs.stages.sampling" (dict "root" .root "success" (index .formats.success .format)) }}{{ . }}
{{ end -}}
// The time at which the request began, to the millisecond. The runtime's time is up to a second late; a request or
// connection of more than 100 s keeps it all the same, since Loki rejects lines that are much too old.
stage.timestamp {
  source = "start_time"
  format = "RFC3339Nano"
  action_on_failure = "skip"
  // Else the second line of a millisecond gets another time when it is read again, and Loki stores it twice.
  action_on_duplicate_timestamp = "keep"
}
{{- $names := concat (include "xscaler-istio.logs.fields" . | fromYamlArray) .formats.added .names }}
{{- with include "xscaler-istio.logs.metadata" (dict "root" .root "names" $names) }}
{{ . }}
{{- end }}
{{- with $logs.streamLabels }}
stage.labels {
  values = {{ include "xscaler-istio.logs.streamLabels" (dict "root" $.root "names" .) }}
}
{{- end }}
stage.static_labels {
  values = {log_type = "access"}
}
{{- end -}}

{{- define "xscaler-istio.logs.stages.ztunnel" -}}
{{- $names := keys .formats.ztunnel | sortAlpha -}}
// ==== Take apart, ztunnel: its access log, plain and as JSON
stage.match {
  selector = {{ include "xscaler-istio.logs.selector" (dict "labels" "log_type=\"\"" "filters" (list (dict "|~" .formats.begins.ztunnel))) | indent 2 | trim }}
  stage.regex {
    expression = {{ include "xscaler-istio.alloyText" .formats.ztunnelPairs }}
  }
  stage.logfmt {
    source = "pairs"
    mapping = {
      {{- range $name, $key := .formats.ztunnel }}
      {{ $name }} = {{ $key | quote }},
      {{- end }}
    }
  }
  {{- include "xscaler-istio.logs.stages.ztunnelAccess" (dict "root" .root "names" $names "success" .formats.success.ztunnel) | nindent 2 }}
}
stage.match {
  selector = {{ include "xscaler-istio.logs.selector" (dict "labels" "log_type=\"\"" "filters" (list (dict "|~" .formats.begins.json) (dict "|=" "\"scope\":\"access\""))) | indent 2 | trim }}
  stage.json {
    expressions = {
      {{- range $name, $key := .formats.ztunnel }}
      {{ $name }} = {{ include "xscaler-istio.alloyText" (quote $key) }},
      {{- end }}
    }
  }
  {{- include "xscaler-istio.logs.stages.ztunnelAccess" (dict "root" .root "names" $names "success" .formats.success.ztunnelJson) | nindent 2 }}
}
{{- end -}}

{{/* Inputs: root, names (of the fields), success (line filters) */}}
{{- define "xscaler-istio.logs.stages.ztunnelAccess" -}}
{{- with include "xscaler-istio.logs.stages.sampling" . }}{{ . }}
{{ end }}
{{- with include "xscaler-istio.logs.metadata" . }}{{ . }}
{{ end -}}
stage.static_labels {
  values = {log_type = "access"}
}
{{- end -}}

{{/* A line with any other level is left to what follows. */}}
{{- define "xscaler-istio.logs.stages.system" -}}
// ==== Take apart, system: the programs' own logs, plain and as JSON
stage.match {
  selector = `{log_type=""}`
  stage.regex {
    expression = {{ include "xscaler-istio.alloyText" .formats.systemLevel }}
    labels_from_groups = true
  }
  stage.match {
    selector = `{level=""}`
    stage.regex {
      expression = {{ include "xscaler-istio.alloyText" .formats.paddedLevel }}
      labels_from_groups = true
    }
  }
  stage.match {
    selector = {{ include "xscaler-istio.alloyText" (printf "{level=~%q}" (values .formats.levels | sortAlpha | join "|")) }}
    {{- range $level, $others := .formats.levels }}
    stage.match {
      selector = {{ include "xscaler-istio.alloyText" (printf "{level=~%q}" $others) }}
      stage.static_labels {
        values = {level = {{ quote $level }}}
      }
    }
    {{- end }}
  }
  stage.match {
    selector = `{level=~".+"}`
    stage.static_labels {
      values = {log_type = "system"}
    }
  }
}
{{- end -}}

{{- define "xscaler-istio.logs.stages.rest" -}}
// ==== Take apart, rest: an access log in another format, or a program's last words
stage.match {
  selector = {{ include "xscaler-istio.logs.selector" (dict "labels" "log_type=\"\",stream!=\"stderr\",container=\"istio-proxy\"" "filters" (list (dict "!~" .formats.continuation))) | indent 2 | trim }}
  stage.template {
    source = "format"
    template = "custom"
  }
  {{- with include "xscaler-istio.logs.metadata" (dict "root" .root "names" (list "format")) }}
  {{- . | nindent 2 }}
  {{- end }}
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

{{/* Leaves out the requests of which a field is one of the globs. Inputs: field, globs, end (of the expression) */}}
{{- define "xscaler-istio.logs.stages.drop" -}}
{{- $expressions := list -}}
{{- range .globs }}{{ $expressions = append $expressions (regexQuoteMeta . | replace "\\*" ".*") }}{{ end -}}
stage.drop {
  source = {{ quote .field }}
  expression = {{ include "xscaler-istio.alloyText" (printf "^(?:%s)%s$" (join "|" $expressions) .end) }}
  drop_counter_reason = {{ printf "drop_%s" .field | quote }}
}
{{- end -}}

{{/* Keeps a share of the successful requests. Inputs: root, success (line filters) */}}
{{- define "xscaler-istio.logs.stages.sampling" -}}
{{- $percent := .root.Values.logs.sampling.successPercent -}}
{{- if lt (float64 $percent) 100.0 -}}
stage.match {
  selector = {{ include "xscaler-istio.logs.selector" (dict "labels" "namespace=~\".+\"" "filters" .success) | indent 2 | trim }}
  stage.sampling {
    rate = {{ divf $percent 100 }}
    drop_counter_reason = "sampled"
  }
}
{{- end -}}
{{- end -}}
