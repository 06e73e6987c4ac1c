# Common to all tests of a release: what a pod of busybox can find out about the collectors without any right.
# Given: SERVICE (headless, in front of the pods), NAMESPACE, EXPECTED (number of pods, or nothing), SECONDS_LEFT,
# SELECT, by which kubectl finds the pods, PUSH_URL, and OTHER_URLS that xScaler publishes for the same account.
# A file for the component defines check(), which examines one pod; it calls report() with facts, and wrong() with a
# problem and its fix.

cd /tmp || exit 3

# The addresses of the pods, one a line. busybox' nslookup takes only complete names.
addresses() {
  domain=$(sed -n 's/^search .*[. ]svc\.\([^ ]*\).*/\1/p' /etc/resolv.conf)
  nslookup "$SERVICE.$NAMESPACE.svc.${domain:-cluster.local}" 2>/dev/null |
    awk '/^Name:/ {found = 1} found && /^Address/ {print $NF}' | sort -u
}

# Saves a response of a pod in a file. Inputs: port, path, file
fetch() {
  case "$address" in *:*) host="[$address]" ;; *) host="$address" ;; esac
  timeout 5 wget -q -O - "http://$host:$1$2" >"$3" 2>"$3.error"
}

# The sum of a metric's series in a response; 0 if there are none. Inputs: file, name
metric() {
  awk -v name="$2" '
    index($0, name) == 1 { rest = substr($0, length(name) + 1, 1) }
    index($0, name) == 1 && (rest == "{" || rest == " ") { sum += $NF }
    END { printf "%.0f\n", sum }' "$1"
}

report() { echo "  $address: $*" >>report; }

# Inputs: the problem, its fix
wrong() { printf '  %s: %s\n    fix: %s\n' "$address" "$1" "$2" >>wrongs; }

# Examines everything once: fills report and wrongs.
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

# Inputs: as wrong(). For problems that waiting does not solve.
surely_wrong() { wrong "$@"; : >sure; }

# A number as it was when the test first examined a pod; growth since then is new. Inputs: name, number now
first() {
  [ -e "first-$1-$address" ] || echo "$2" >"first-$1-$address"
  cat "first-$1-$address"
}

# How a URL answers an empty push without a token: a status, 401 where something is; "no such host"; or nothing, where
# it does not answer. No secret is sent and only the status is used, so any certificate will do. Inputs: URL
answer() {
  if timeout 5 wget -q -O /dev/null --no-check-certificate --post-data= "$1" 2>answer.error; then
    echo 200
  elif grep -q 'bad address' answer.error; then
    echo no such host
  else
    sed -n 's/.*server returned error: HTTP[^ ]* \([0-9]*\).*/\1/p' answer.error
  fi
}

# Reports a PUSH_URL at which nothing is, if xScaler has another form of it that answers, and which of them could not be
# asked: busybox has no TLS for some servers. Inputs: the key of the values
judge_url() {
  [ -n "$OTHER_URLS" ] || return
  said=$(answer "$PUSH_URL")
  case "$said" in
    404 | "no such host") ;;
    *) [ -n "$said" ] || not_checked "$PUSH_URL"; return ;;
  esac
  for other in $OTHER_URLS; do
    case "$(answer "$other")" in
      "") not_checked "$other" ;;
      404 | 5* | "no such host") ;;
      *) surely_wrong "xScaler has nothing at $PUSH_URL ($said), but answers at $other" "set $1: $other" ;;
    esac
  done
}

# Inputs: a URL that answer() could not ask
not_checked() {
  why=$(grep -v 'note: TLS' answer.error | tr '\n' ' ' | sed 's/ *$//')
  report "not checked: whether xScaler is at $1; busybox got no response (${why:-none within 5 s}). Open it with curl -I from a pod"
}

main() {
  echo "checking the pods of $SERVICE in $NAMESPACE, for at most $SECONDS_LEFT s"
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
