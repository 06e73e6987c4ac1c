{{/*
A headless Service: its name stands for every pod of a component, also for those that are not
ready. Inputs: root, component, name, port
*/}}
{{- define "xscaler-istio.headlessService" -}}
apiVersion: v1
kind: Service
metadata:
  {{- include "xscaler-istio.metadata" . | nindent 2 }}
spec:
  clusterIP: None
  publishNotReadyAddresses: true
  selector:
    {{- include "xscaler-istio.selectorLabels" . | nindent 4 }}
  ports:
    - name: http-metrics
      port: {{ .port }}
{{- end -}}
