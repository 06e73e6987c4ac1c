REFUSAL=non-recoverable

ready() { fetch 12345 /-/ready page; }

# The targets of each scraping component, one a line.
targets() {
  for job in $JOBS; do
    fetch 12345 "/api/v0/web/components/prometheus.scrape.$job" page || return 1
    sed 's/.*"debugInfo"//; s/{"name":"target","type":"block"/\n&/g' page | awk -v job="$job" '
      function value(name) {
        if (!match($0, "\"name\":\"" name "\",\"type\":\"attr\",\"value\":[{]\"type\":\"string\",\"value\":\"([^\"\\\\]|\\\\.)*\"")) return ""
        text = substr($0, RSTART, RLENGTH - 1)
        sub(/.*"value":"/, "", text)
        return text
      }
      /"name":"health"/ { print value("health"), job, value("url"), value("last_error") }'
  done
}

pushes() { pushes_of_remote_storage 12345; }
