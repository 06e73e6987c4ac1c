# The log agents: they are ready, read files, and xScaler accepts what they send.

REFUSED="kubectl -n $NAMESPACE logs $SELECT --prefix | grep 'final error' says why: 401 is the token, 400 often
      logs.structuredMetadata (docs/troubleshooting.md)"

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
  # The status of the last redirect that answered a push, if any did.
  redirect=$(sed -n 's/^loki_write_request_duration_seconds_count{.*status_code="\(3[0-9][0-9]\)".*/\1/p' page | tail -n 1)
  fix=$REFUSED
  [ -z "$redirect" ] || fix="a redirect ($redirect) answers pushes to $PUSH_URL, and the agent follows none:
      set xscaler.logs.url to the address of the API, or correct the proxy on the way (docs/troubleshooting.md)"
  if [ "$refused" -gt "$(first refused "$refused")" ]; then
    surely_wrong "xScaler rejects lines permanently, $refused so far" "$fix"
  elif [ "$refused" -gt 0 ] && [ "$sent" -eq 0 ]; then
    wrong "xScaler has accepted no line and rejected $refused permanently" "$fix"
  elif [ "$refused" -gt 0 ] && [ "$sent" -le "$(first sent "$sent")" ]; then
    wrong "xScaler rejected $refused lines earlier and has accepted none since this test began" "$fix"
  fi
  report "$files files; xScaler accepted $sent lines and rejected $refused; $retries retries"
}

# A node without a pod of the mesh has nothing to read, so this is asked of all.
together() {
  [ -s totals ] || return
  files=$(awk '{sum += $1} END {print sum + 0}' totals)
  sent=$(awk '{sum += $2} END {print sum + 0}' totals)
  retries=$(awk '{sum += $4} END {print sum + 0}' totals)
  # Before lines are lost: in a quiet mesh nothing was pushed yet.
  if [ "$sent" -eq 0 ] || [ -e sure ]; then judge_url xscaler.logs.url; fi
  if [ "$SOURCE" = files ] && [ "$files" -eq 0 ]; then
    wrong "no log file is read" \
      "check that the mesh has pods, that namespaces and logs.namespaces include them, and that the agent may read /var/log/pods (SELinux: docs/security.md)"
  elif [ "$sent" -eq 0 ] && [ "$retries" -gt 0 ]; then
    wrong "xScaler has accepted no line yet, and the agent retries its requests" \
      "kubectl -n $NAMESPACE logs $SELECT --prefix; check that $PUSH_URL is right, and that no proxy or NetworkPolicy blocks it"
  elif [ "$sent" -eq 0 ]; then
    wrong "no line was read yet" \
      "Istio writes no access logs by default: set istio.telemetry.accessLogging.enabled (docs/logs.md); in a quiet mesh, send a request"
  fi
}

main
