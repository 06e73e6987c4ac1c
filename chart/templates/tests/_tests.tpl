{{/*
A pod of `helm test`, which asks the pods of a component what they see and send. It has no rights and no token.
Inputs: root, component, scripts (names in files/tests), environment (what only these scripts read, a dict)
*/}}
{{- define "xscaler-istio.testPod" -}}
{{- $tests := .root.Values.tests -}}
{{- $own := dict "root" .root "component" (include "xscaler-istio.testComponent" .component) -}}
{{- $hook := dict "helm.sh/hook" "test" "helm.sh/hook-delete-policy" "before-hook-creation" "sidecar.istio.io/inject" "false" -}}
apiVersion: v1
kind: Pod
metadata:
  name: {{ include "xscaler-istio.fullname" .root }}-test-{{ .component }}
  namespace: {{ include "xscaler-istio.namespace" .root | quote }}
  labels:
    {{- mustMergeOverwrite (include "xscaler-istio.labels" $own | fromYaml) (include "xscaler-istio.outsideMesh" . | fromYaml) | toYaml | nindent 4 }}
  annotations:
    {{- mustMergeOverwrite (deepCopy .root.Values.commonAnnotations) $hook | toYaml | nindent 4 }}
spec:
  restartPolicy: Never
  automountServiceAccountToken: false
  enableServiceLinks: false
  securityContext:
    {{- mustMergeOverwrite (include "xscaler-istio.nobody" .root | fromYaml) .root.Values.pod.securityContext | toYaml | nindent 4 }}
  {{- include "xscaler-istio.scheduling" (dict "root" .root "pod" .root.Values.pod) | nindent 2 }}
  containers:
    - name: test
      image: {{ include "xscaler-istio.image" (dict "root" .root "image" $tests.image) | quote }}
      imagePullPolicy: {{ $tests.image.pullPolicy }}
      command: [/bin/sh, -c]
      args:
        - |
          {{- range .scripts }}
          {{- $.root.Files.Get (printf "files/tests/%s.sh" .) | nindent 10 }}
          {{- end }}
      env:
        - name: SECONDS_LEFT
          value: {{ div (include "xscaler-istio.milliseconds" $tests.timeout | int) 1000 | quote }}
        - name: NAMESPACE
          value: {{ include "xscaler-istio.namespace" .root | quote }}
        - name: SELECT
          value: "-l app.kubernetes.io/instance={{ .root.Release.Name }},app.kubernetes.io/component={{ .component }}"
        - name: SERVICE
          value: {{ include "xscaler-istio.fullname" .root }}-{{ .component }}
        {{- range $name, $value := .environment }}
        - name: {{ $name }}
          value: {{ $value | quote }}
        {{- end }}
      resources:
        {{- toYaml $tests.resources | nindent 8 }}
      securityContext:
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: true
        capabilities:
          drop: [ALL]
      volumeMounts:
        - name: tmp
          mountPath: /tmp
  volumes:
    - name: tmp
      emptyDir:
        sizeLimit: 64Mi
{{- end -}}

{{/* The component that a test pod is itself. Inputs: the component that it tests */}}
{{- define "xscaler-istio.testComponent" -}}
test-{{ . }}
{{- end -}}
