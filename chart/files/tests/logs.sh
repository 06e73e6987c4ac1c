# The log agents: they are ready, read files, and xScaler takes what is sent.

REFUSED="kubectl -n $NAMESPACE logs $SELECT --prefix | grep 'final error' says why: 401 is the token, 400 often
      logs.fields (docs/troubleshooting.md)"

check() {
  if ! fetch 12345 /-/ready page; then
    wrong "is not ready: $(cat page.error)" "kubectl -n $NAMESPACE logs $SELECT --prefix"
    return
  fi
  fetch 12345 /metrics page || return
  files=$(metric page loki_source_file_files_active_total)
  sent=$(metric page loki_write_sent_entries_total)
  refused=$(awk '/^loki_write_dropped_entries_total/ {sum += $NF} END {printf "%.0f\n", sum}' page)
  retries=$(metric page loki_write_batch_retries_total)
  echo "$files $sent $refused $retries" >>totals
  if [ "$refused" -gt "$(first refused "$refused")" ]; then
    surely_wrong "xScaler refuses lines for good, $refused so far" "$REFUSED"
  elif [ "$refused" -gt 0 ] && [ "$sent" -eq 0 ]; then
    wrong "xScaler has taken no line and rejected $refused permanently" "$REFUSED"
  elif [ "$refused" -gt 0 ] && [ "$sent" -le "$(first sent "$sent")" ]; then
    wrong "xScaler refused $refused lines earlier and has taken none since this test began" "$REFUSED"
  fi
  report "$files files, $sent lines taken by xScaler, $refused refused, $retries retries"
}

# A node without a pod of the mesh has nothing to read, so this is asked of all.
together() {
  [ -s totals ] || return
  files=$(awk '{sum += $1} END {print sum + 0}' totals)
  sent=$(awk '{sum += $2} END {print sum + 0}' totals)
  retries=$(awk '{sum += $4} END {print sum + 0}' totals)
  if [ "$SOURCE" = files ] && [ "$files" -eq 0 ]; then
    wrong "no log file is read" \
      "are there pods of the mesh, does logs.namespaces leave them in, and may the agent read /var/log/pods (SELinux: docs/security.md)?"
  elif [ "$sent" -eq 0 ] && [ "$retries" -gt 0 ]; then
    wrong "xScaler has taken no line yet, and requests were tried again" \
      "kubectl -n $NAMESPACE logs $SELECT --prefix; is $PUSH_URL right, and does a proxy or a NetworkPolicy stand in between?"
  elif [ "$sent" -eq 0 ]; then
    wrong "no line was read yet" \
      "Istio writes no access logs unless told to: istio.telemetry.accessLogging.enabled (docs/logs.md); a quiet mesh needs a request"
  fi
}

main
