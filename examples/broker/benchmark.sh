#!/bin/sh
# SPDX-License-Identifier: MIT
# usage: benchmark.sh <broker> [requests] [rounds]
#
# Runs redis-benchmark against the broker on tarn, the broker on malloc and redis-server, one after
# the other in each round, and prints a Markdown table of the median rounds. All of them are
# on free loopback ports, and end with this script.
set -eu

broker=$1
requests=${2:-100000}
rounds=${3:-3}
folder=$(mktemp -d)
servers=
finish() {
  for server in $servers; do kill "$server" 2>/dev/null || true; done
  wait
  rm -rf "$folder"
}
trap finish EXIT
trap 'exit 1' INT TERM

start_broker() {  # memory
  "$broker" --port 0 --memory "$1" >"$folder/$1.port" 2>"$folder/$1.log" &
  servers="$servers $!"
  tries=0
  until [ -s "$folder/$1.port" ]; do
    tries=$((tries + 1))
    [ "$tries" -lt 100 ] || { echo "the broker on $1 does not start" >&2; exit 1; }
    sleep 0.1
  done
}
start_broker tarn
start_broker malloc
tarn=$(cat "$folder/tarn.port")
malloc=$(cat "$folder/malloc.port")
# If another server has this port, redis-server ends, and so does this script.
redis=$((20000 + $$ % 10000))
redis-server --port "$redis" --bind 127.0.0.1 --save '' --appendonly no --dir "$folder" \
  >"$folder/redis.log" 2>&1 &
redis_server=$!
servers="$servers $redis_server"
tries=0
until redis-cli -p "$redis" ping >/dev/null 2>&1; do
  tries=$((tries + 1))
  [ "$tries" -lt 100 ] || { echo "redis-server does not start" >&2; exit 1; }
  sleep 0.1
done
kill -0 "$redis_server" || { echo "port $redis is taken by another server" >&2; exit 1; }

# Lines of: bytes, pipeline, test, server, requests per second, p50, p99.
measure() {  # bytes, pipeline, server, port
  redis-cli -p "$4" flushall >/dev/null
  for tests in "$requests set,get,incr,lpush,mset" "$((requests / 10)) lrange_100"; do
    redis-benchmark -p "$4" -n "${tests% *}" -t "${tests#* }" -d "$1" -P "$2" -r 10000 --csv
  done | tr -d '"\r' | awk -F, -v row="$1 $2" -v server="$3" '
    /needed to benchmark/ || /^test,/ || NF < 7 { next }
    {
      sub(/ .*/, "", $1)
      print row, $1, server, $2, $5, $7
    }' >>"$folder/results"
}
round=0
while [ "$round" -lt "$rounds" ]; do
  round=$((round + 1))
  for bytes in 16 1024; do
    for pipeline in 1 16; do
      measure "$bytes" "$pipeline" tarn "$tarn"
      measure "$bytes" "$pipeline" malloc "$malloc"
      measure "$bytes" "$pipeline" redis "$redis"
    done
  done
  echo "round $round of $rounds is done" >&2
done

# The round in the middle, of those sorted by requests per second.
sort -k1,1n -k2,2n -k3,4 -k5,5n "$folder/results" | awk '
  {
    key = $1 " " $2 " " $3 " " $4
    n[key]++
    rate[key, n[key]] = $5; p50[key, n[key]] = $6; p99[key, n[key]] = $7
    if (!($1 " " $2 " " $3 in seen)) { seen[$1 " " $2 " " $3] = 1; order[++rows] = $1 " " $2 " " $3 }
  }
  function cell(key, m) {
    m = int((n[key] + 1) / 2)
    return sprintf("%d (%.2f, %.2f)", rate[key, m], p50[key, m], p99[key, m])
  }
  function of(key) { return rate[key, int((n[key] + 1) / 2)] }
  END {
    print "Requests per second, and in brackets p50 and p99 in ms."
    print ""
    print "| command | bytes | pipelined | broker on tarn | broker on malloc | redis-server | tarn / malloc | tarn / redis |"
    print "|---|---|---|---|---|---|---|---|"
    for (i = 1; i <= rows; ++i) {
      split(order[i], a, " ")
      t = order[i] " tarn"; m = order[i] " malloc"; r = order[i] " redis"
      printf "| %s | %s | %s | %s | %s | %s | %.2f | %.2f |\n", a[3], a[1], a[2], cell(t), cell(m),
        cell(r), of(t) / of(m), of(t) / of(r)
    }
  }'
for memory in tarn malloc; do redis-cli -p "$(cat "$folder/$memory.port")" shutdown 2>/dev/null || true; done
for server in $servers; do
  [ "$server" = "$redis_server" ] || wait "$server" || { cat "$folder"/*.log >&2; exit 1; }
done
sed -n 's/^broker: //p' "$folder/tarn.log"
