# What all nodes of the cluster load; the start script names it.

@load policy/frameworks/cluster/backend/zeromq

# Logs are moved to this folder every hour and when the logger ends, and what a logger that crashed has left when the next
# one starts: nothing is written over.
@if ( Cluster::local_node_type() == Cluster::LOGGER )
redef Log::default_rotation_interval = 1 hr;
redef Log::default_rotation_dir = getenv("WIREMARK_LOGS");
redef Log::default_rotation_postprocessor_cmd = "";
redef LogAscii::enable_leftover_log_rotation = T;
@else
redef Log::default_rotation_interval = 0 secs;
redef Log::default_rotation_postprocessor_cmd = "";
@endif

# What a worker tells at its end takes its time to the logger.
redef Cluster::Backend::ZeroMQ::linger_ms = 10000;

# A worker begins when there is a logger, so that its first verdicts are logged, too.
@if ( Cluster::local_node_type() == Cluster::WORKER )
event zeek_init()
	{
	suspend_processing();
	}

event Cluster::node_up(name: string, id: string)
	{
	if ( name in Cluster::nodes && Cluster::nodes[name]$node_type == Cluster::LOGGER )
		continue_processing();
	}

# With a backend a node would wait for others' events for ever.
event Pcap::file_done(path: string)
	{
	terminate();
	}
@endif
