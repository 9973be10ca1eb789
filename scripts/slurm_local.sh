#!/usr/bin/env bash
# A real SLURM of one node on the loopback address, without systemd and without cgroups, for the tests.
#
#   scripts/slurm_local.sh install   slurm-wlm and munge from Debian or Ubuntu (root)
#   scripts/slurm_local.sh start     munged, slurmctld and slurmd; returns when the node is idle
#   scripts/slurm_local.sh stop      ends the daemons that it started, by their pid files
#
# SLURM_LOCAL_FOLDER holds state, logs and pid files; SLURM_LOCAL_PROCESSORS and SLURM_LOCAL_MEMORY_MB are what the
# node pretends to have.
set -euo pipefail
PATH=$PATH:/usr/sbin:/sbin # the daemons and runuser; a login that is not root's may lack them
folder=${SLURM_LOCAL_FOLDER:-/var/tmp/assay-slurm}
processors=${SLURM_LOCAL_PROCESSORS:-4}
memory_MB=${SLURM_LOCAL_MEMORY_MB:-8000}
export SLURM_CONF=${SLURM_CONF:-/etc/slurm/slurm.conf}
host=$(hostname -s)

# A stopped daemon may stay as a zombie where nobody reaps it: it does not count as alive.
is_alive() {
  [ -s "$1" ] || return 1
  case "$(ps -o stat= -p "$(cat "$1")" 2>/dev/null)" in '' | Z*) return 1 ;; esac
}

wait_until() { # seconds, command
  for _ in $(seq 1 $(($1 * 10))); do
    if "${@:2}"; then return 0; fi
    sleep 0.1
  done
  return 1
}

is_idle() { [ "$(sinfo --noheader --format=%T 2>/dev/null)" = idle ]; }
is_gone() { ! is_alive "$1"; }

install() {
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends slurm-wlm munge
}

configure() {
  mkdir -p "$folder"/{state,spool,log,run} "$(dirname "$SLURM_CONF")"
  cat >"$SLURM_CONF" <<CONF
ClusterName=local
SlurmctldHost=$host(127.0.0.1)
# listen on the addresses given here only
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
SlurmctldPort=16817
SlurmdPort=16818
AuthType=auth/munge
CryptoType=crypto/munge
SlurmUser=root
SlurmdUser=root
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/run/slurmctld.pid
SlurmdPidFile=$folder/run/slurmd.pid
SlurmctldLogFile=$folder/log/slurmctld.log
SlurmdLogFile=$folder/log/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
JobCompType=jobcomp/none
SwitchType=switch/none
MpiDefault=none
ReturnToService=2
SchedulerType=sched/builtin
SchedulerParameters=sched_interval=1,batch_sched_delay=0
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
KillWait=2
CompleteWait=0
SlurmdParameters=config_overrides
NodeName=$host NodeAddr=127.0.0.1 CPUs=$processors RealMemory=$memory_MB State=UNKNOWN
PartitionName=debug Nodes=ALL Default=YES MaxTime=01:00:00 State=UP
CONF
}

start_munge() {
  if munge --no-input >/dev/null 2>&1; then return; fi
  mkdir -p /run/munge /var/log/munge /var/lib/munge
  if ! [ -s /etc/munge/munge.key ]; then
    dd if=/dev/urandom of=/etc/munge/munge.key bs=1024 count=1 status=none
    chown munge:munge /etc/munge/munge.key
    chmod 400 /etc/munge/munge.key
  fi
  chown munge:munge /run/munge /var/log/munge /var/lib/munge
  chmod 755 /run/munge
  runuser -u munge -- /usr/sbin/munged --force # a socket may be left of one that was killed
  cp /run/munge/munged.pid "$folder/run/munged.pid"
}

start() {
  if is_idle; then return; fi # one that runs already serves as well
  configure
  start_munge
  is_alive "$folder/run/slurmctld.pid" || slurmctld
  is_alive "$folder/run/slurmd.pid" || slurmd -N "$host"
  if wait_until 15 is_idle; then return; fi
  echo "slurm_local.sh: the node did not become idle" >&2
  sinfo >&2 || true
  tail -n 20 "$folder"/log/*.log >&2
  return 1
}

stop() {
  for name in slurmd slurmctld munged; do
    pid_file=$folder/run/$name.pid
    if is_alive "$pid_file"; then
      kill "$(cat "$pid_file")"
      wait_until 10 is_gone "$pid_file"
    fi
  done
}

case ${1:-} in
  install | start | stop) "$1" ;;
  *)
    sed -n '2,10s/^# \{0,1\}//p' "$0"
    exit 2
    ;;
esac
