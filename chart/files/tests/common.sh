# Common to all tests of a release: what a pod of busybox can find out about the collectors without any right.
# Given: SERVICE (headless, in front of the pods), NAMESPACE, EXPECTED (number of pods, or nothing), SECONDS_LEFT, and
# SELECT, by which kubectl finds the pods.
# A file for the component defines check(), which looks at one pod; it calls report() with what is well and wrong()
# with what is not, and how it is mended.

cd /tmp || exit 3

# The addresses of the pods, one a line. busybox' nslookup takes whole names alone.
addresses() {
  domain=$(sed -n 's/^search .*[. ]svc\.\([^ ]*\).*/\1/p' /etc/resolv.conf)
  nslookup "$SERVICE.$NAMESPACE.svc.${domain:-cluster.local}" 2>/dev/null |
    awk '/^Name:/ {found = 1} found && /^Address/ {print $NF}' | sort -u
}

# A page of a pod, into a file. Inputs: port, path, file
fetch() {
  case "$address" in *:*) host="[$address]" ;; *) host="$address" ;; esac
  timeout 5 wget -q -O - "http://$host:$1$2" >"$3" 2>"$3.error"
}

# The sum of a metric's series on a page; 0 where there is none. Inputs: file, name
metric() {
  awk -v name="$2" '
    index($0, name) == 1 { rest = substr($0, length(name) + 1, 1) }
    index($0, name) == 1 && (rest == "{" || rest == " ") { sum += $NF }
    END { printf "%.0f\n", sum }' "$1"
}

report() { echo "  $address: $*" >>report; }

# Inputs: what is wrong, how it is mended
wrong() { printf '  %s: %s\n    fix: %s\n' "$address" "$1" "$2" >>wrongs; }

# One look at everything: fills report and wrongs.
look() {
  : >report; : >wrongs; : >totals
  addresses >pods
  count=$(grep -c . pods)
  address=$SERVICE
  if [ "$count" -eq 0 ]; then
    wrong "no pod runs" "kubectl -n $NAMESPACE describe pods $SELECT"
    return
  fi
  if [ -n "$EXPECTED" ] && [ "$count" -lt "$EXPECTED" ]; then
    wrong "$count of $EXPECTED pods run" "kubectl -n $NAMESPACE get pods; kubectl -n $NAMESPACE get events"
  fi
  while read -r address; do check; done <pods
  address=all
  together
}

# Inputs: as wrong(); waiting would not help.
surely_wrong() { wrong "$@"; : >sure; }

# A number at the first look at a pod, by which what is new is known. Inputs: name, number now
first() {
  [ -e "first-$1-$address" ] || echo "$2" >"first-$1-$address"
  cat "first-$1-$address"
}

main() {
  echo "looking at the pods of $SERVICE in $NAMESPACE, for $SECONDS_LEFT s at most"
  ends=$(($(date +%s) + SECONDS_LEFT))
  look
  while [ -s wrongs ] && [ ! -e sure ] && [ "$(date +%s)" -lt "$ends" ]; do
    now=$(sed -n '1s/^ *//p' wrongs)
    [ "$(echo "$now" | tr -d 0-9)" = "${last:-}" ] || echo "waiting: $now"
    last=$(echo "$now" | tr -d 0-9)
    sleep 3
    look
  done
  cat report
  if [ -s wrongs ]; then
    echo "FAILED"
    cat wrongs
    exit 1
  fi
  echo "PASSED"
}
