{{/* What the pod of the operator and that of `helm test` have in common. */}}

{{- define "metorial-operator.podSettings" -}}
serviceAccountName: {{ include "metorial-operator.serviceAccountName" . }}
automountServiceAccountToken: true
# Variables that Kubernetes derives from Services could collide with the operator's own.
enableServiceLinks: false
{{- with include "metorial-operator.imagePullSecrets" . }}
imagePullSecrets:
  {{- . | nindent 2 }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .Values.hostAliases }}
hostAliases:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.dnsPolicy }}
dnsPolicy: {{ . }}
{{- end }}
{{- with .Values.dnsConfig }}
dnsConfig:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.podSecurityContext }}
securityContext:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.extraVolumes }}
volumes:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* The settings of the container, but for its name, arguments, ports and probes. */}}
{{- define "metorial-operator.containerSettings" -}}
image: {{ include "metorial-operator.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
env:
  {{- include "metorial-operator.environment" . | nindent 2 }}
{{- with .Values.resources }}
resources:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.containerSecurityContext }}
securityContext:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.extraVolumeMounts }}
volumeMounts:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "metorial-operator.environment" -}}
- name: METORIAL_OPERATOR_OPERATOR_NAMESPACE
  valueFrom:
    fieldRef:
      fieldPath: metadata.namespace
{{- with .Values.watchNamespaces }}
- name: METORIAL_OPERATOR_WATCH_NAMESPACES
  value: {{ join "," . | quote }}
{{- end }}
{{- with .Values.shard.watchLabelSelector }}
- name: METORIAL_OPERATOR_WATCH_LABEL_SELECTOR
  value: {{ . | quote }}
{{- end }}
{{- with .Values.shard.name }}
- name: METORIAL_OPERATOR_SHARD_NAME
  value: {{ . | quote }}
{{- end }}
- name: METORIAL_OPERATOR_ALLOWED_BASE_URLS
  value: {{ join "," .Values.allowedBaseUrls | quote }}
{{- with .Values.installationId }}
- name: METORIAL_OPERATOR_INSTALLATION_ID
  value: {{ . | quote }}
{{- end }}
{{- with .Values.allowedOrganizations }}
- name: METORIAL_OPERATOR_ALLOWED_ORGANIZATIONS
  value: {{ join "," . | quote }}
{{- end }}
{{- with .Values.allowedInstances }}
- name: METORIAL_OPERATOR_ALLOWED_INSTANCES
  value: {{ join "," . | quote }}
{{- end }}
- name: METORIAL_OPERATOR_CONCURRENCY
  value: {{ .Values.concurrency | quote }}
{{- $request := include "metorial-operator.seconds" .Values.requestTimeout | atoi }}
{{- if le (include "metorial-operator.seconds" .Values.reconcileTimeout | atoi) $request }}
{{- fail (printf "reconcileTimeout is %s, but must be longer than requestTimeout, which is %s" .Values.reconcileTimeout .Values.requestTimeout) }}
{{- end }}
- name: METORIAL_OPERATOR_REQUEST_TIMEOUT
  value: {{ .Values.requestTimeout | quote }}
- name: METORIAL_OPERATOR_RECONCILE_TIMEOUT
  value: {{ .Values.reconcileTimeout | quote }}
- name: METORIAL_OPERATOR_SECRET_WATCH
  value: {{ .Values.secretWatch | quote }}
- name: METORIAL_OPERATOR_SERVE_AUTH_EXPORTS
  value: {{ .Values.authExport.enabled | quote }}
- name: METORIAL_OPERATOR_LOG_FORMAT
  value: {{ .Values.log.format | quote }}
- name: METORIAL_OPERATOR_LOG
  value: {{ .Values.log.level | quote }}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}
