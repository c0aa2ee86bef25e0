#!/bin/bash
# Makes the path files of this folder with the tools themselves (Debian: traceroute mtr-tiny scamper iproute2), as root, in network
# namespaces of its own: a chain a - r1 - r2 - r3 - r4 - b. Its addresses are public ones, and exist inside only; no probe leaves.
#
#   measure.sh FOLDER
set -e
out=${1:?folder}; mkdir -p "$out"; work=$(mktemp -d)
pre=wmloc
names="a r1 r2 r3 r4 b"
cleanup(){ for n in $names; do ip netns del $pre-$n 2>/dev/null || true; done; }
trap 'cleanup; rm -rf "$work"' EXIT; cleanup
for n in $names; do ip netns add $pre-$n; ip -n $pre-$n link set lo up; done
i=0; prev=
for n in $names; do
  ip netns exec $pre-$n sysctl -qw net.ipv4.ip_forward=1 net.ipv4.icmp_ratelimit=0 net.ipv6.conf.all.forwarding=1 net.ipv6.icmp.ratelimit=0 || true
  if [ -n "$prev" ]; then
    ip link add v$i-l netns $pre-$prev type veth peer name v$i-r netns $pre-$n
    ip -n $pre-$prev addr add 4.31.$i.1/24 dev v$i-l; ip -n $pre-$n addr add 4.31.$i.2/24 dev v$i-r
    ip -n $pre-$prev addr add 2a00:31:$i::1/64 dev v$i-l nodad; ip -n $pre-$n addr add 2a00:31:$i::2/64 dev v$i-r nodad
    ip -n $pre-$prev link set v$i-l up; ip -n $pre-$n link set v$i-r up
  fi
  prev=$n; i=$((i+1))
done
# routes
k=0
for n in a r1 r2 r3 r4; do k=$((k+1)); ip -n $pre-$n route add default via 4.31.$k.2 || true; ip -n $pre-$n -6 route add default via 2a00:31:$k::2 || true; done
k=0
for n in r1 r2 r3 r4 b; do k=$((k+1)); for j in $(seq 1 $((k-1))); do ip -n $pre-$n route add 4.31.$j.0/24 via 4.31.$k.1 2>/dev/null || true; ip -n $pre-$n -6 route add 2a00:31:$j::/64 via 2a00:31:$k::1 || true; done; done
sleep 1
t(){ timeout 100 ip netns exec $pre-a "$@"; }
t traceroute -n 4.31.5.2 > $out/linux-numeric.txt || true
printf '4.31.1.2 gw.example.net\n4.31.2.2 core-2.example.net\n4.31.5.2 server.example.net\n' > $work/hosts
mkdir -p /etc/netns/$pre-a; cp $work/hosts /etc/netns/$pre-a/hosts; echo "hosts: files" > /etc/netns/$pre-a/nsswitch.conf
t traceroute -q 4 4.31.5.2 > $out/linux-names.txt || true
t traceroute -6 -n 2a00:31:5::2 > $out/linux-ipv6.txt || true
ip -n $pre-r2 route add unreachable 4.31.9.0/24; t traceroute -n -m 8 4.31.9.1 > $out/linux-unreachable.txt || true
ip -n $pre-r2 route add prohibit 4.31.10.0/24; t traceroute -n -m 8 4.31.10.1 > $out/linux-prohibited.txt || true
t traceroute -n -m 8 -w 1 4.31.5.77 > $out/linux-host-unreachable.txt || true
t mtr --json -n -c 3 4.31.5.2 > $out/mtr-numeric.json || true
t mtr --json -b -c 2 4.31.5.2 > $out/mtr-both.json || true
t mtr --json -c 2 4.31.5.2 > $out/mtr-names.json || true
t mtr --json -n -c 2 4.31.5.77 -m 8 > $out/mtr-unreachable.json || true
for m in icmp-paris udp-paris tcp; do t scamper -O warts -o $work/s-$m.warts -I "trace -P $m -q 2 4.31.5.2" || true; sc_warts2json $work/s-$m.warts > $out/scamper-$m.json || true; done
t scamper -O warts -o $work/s-many.warts -I "trace -P icmp-paris -Q -q 3 4.31.5.2" -I "trace -P icmp-paris -q 1 4.31.9.1" -I "trace -P icmp-paris 2a00:31:5::2" || true; sc_warts2json $work/s-many.warts > $out/scamper-many.json || true
rm -rf /etc/netns/$pre-a
