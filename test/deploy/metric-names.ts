/** The metrics that nodes have, as Prometheus stores them; alerts and dashboard may name no other. */
const HISTOGRAMS = ['replicated_log_append_duration_seconds'];

export const METRIC_NAMES: ReadonlySet<string> = new Set([
  'replicated_log_length',
  'replicated_log_epoch',
  'replicated_log_discarded_entries_total',
  'replicated_log_info',
  'process_cpu_seconds_total',
  'process_resident_memory_bytes',
  'process_start_time_seconds',
  'nodejs_eventloop_delay_seconds',
  'replicated_log_appended_messages_total',
  'replicated_log_duplicate_appends_total',
  'replicated_log_waiting_clients',
  'replicated_log_oldest_wait_seconds',
  'replicated_log_read_only',
  'replicated_log_status',
  'replicated_log_quorum_required',
  'replicated_log_quorum_available',
  'replicated_log_secondary_status',
  'replicated_log_secondary_acked_length',
  'replicated_log_secondary_lag_entries',
  'replicated_log_secondary_lag_seconds',
  'replicated_log_replication_attempts_total',
  'replicated_log_replication_sent_bytes_total',
  'replicated_log_held_messages',
  'replicated_log_duplicate_entries_total',
  'replicated_log_frames_total',
  ...HISTOGRAMS.flatMap((name) => [`${name}_bucket`, `${name}_sum`, `${name}_count`]),
]);

/** What members of a cluster that elects its master have besides. */
export const MEMBER_METRIC_NAMES: ReadonlySet<string> = new Set([
  'replicated_log_role',
  'replicated_log_master_known',
  'replicated_log_elections_total',
  'replicated_log_handovers_total',
  'replicated_log_without_master_seconds_total',
]);
