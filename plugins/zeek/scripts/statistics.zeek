##! What the plugin has done: a log, and metrics.

@load base/frameworks/cluster
@load base/frameworks/telemetry
@load ./main

module Wiremark;

export {
	redef enum Log::ID += { STATISTICS_LOG };

	global log_policy_statistics: Log::PolicyHook;

	## How often wiremark_stats.log has a line; 0 secs is never. There is one more when Zeek ends.
	const statistics_interval = 5 mins &redef;

	## A line of wiremark_stats.log; numbers are from the start of the process.
	type StatisticsInfo: record {
		ts: time &log;
		## The process: a worker of a cluster, or "zeek".
		peer: string &log;
		## Connections over TCP and UDP.
		connections: count &log;
		## Those of which a packet could still tell something, or that have an app: now.
		watched: count &log;
		## Their packets, for as long as they were watched.
		packets: count &log;
		## Packets that wiremark was shown; the others cannot tell anything.
		looked_at: count &log;
		## Connections that got an app.
		labelled: count &log;
		## Verdicts: new, changed or taken back.
		verdicts: count &log;
		## Handshakes in pieces that were given up for newer ones.
		handshakes_lost: count &log;
		## Signatures in force.
		signatures: count &log;
	};
}

# Only those see packets.
const sees_packets = ! Cluster::is_enabled() || Cluster::local_node_type() == Cluster::WORKER;

function write_statistics()
	{
	local s = statistics();
	Log::write(STATISTICS_LOG, StatisticsInfo($ts=network_time(), $peer=peer_description,
	    $connections=s$connections, $watched=s$watched, $packets=s$packets, $looked_at=s$looked_at,
	    $labelled=s$labelled, $verdicts=s$verdicts, $handshakes_lost=s$handshakes_lost, $signatures=s$signatures));
	}

event write_statistics_again()
	{
	if ( zeek_is_terminating() )
		return;
	write_statistics();
	schedule statistics_interval { write_statistics_again() };
	}

event zeek_init() &priority=5
	{
	Log::create_stream(STATISTICS_LOG, Log::Stream($columns=StatisticsInfo, $path="wiremark_stats",
	    $policy=log_policy_statistics));
	if ( sees_packets && statistics_interval > 0 secs )
		schedule statistics_interval { write_statistics_again() };
	}

event zeek_done()
	{
	if ( sees_packets && statistics_interval > 0 secs )
		write_statistics();
	}

# Metrics: zeek_wiremark_*. Told when they are asked for.

global verdicts_metric = Telemetry::register_counter_family([
	$prefix="zeek", $unit="", $name="wiremark_verdicts", $help_text="Verdicts of wiremark: new or changed",
	$label_names=vector("app", "role", "confidence")]);

global connections_metric = Telemetry::register_counter_family([
	$prefix="zeek", $unit="", $name="wiremark_connections", $help_text="TCP and UDP connections shown to wiremark"]);

global labelled_metric = Telemetry::register_counter_family([
	$prefix="zeek", $unit="", $name="wiremark_labelled_connections", $help_text="Connections that got an app"]);

global packets_metric = Telemetry::register_counter_family([
	$prefix="zeek", $unit="", $name="wiremark_packets", $help_text="Packets of watched connections"]);

global looked_at_metric = Telemetry::register_counter_family([
	$prefix="zeek", $unit="", $name="wiremark_looked_at_packets", $help_text="Packets that could tell wiremark something"]);

global handshakes_lost_metric = Telemetry::register_counter_family([
	$prefix="zeek", $unit="", $name="wiremark_handshakes_lost", $help_text="Handshakes in pieces given up for newer ones"]);

global watched_metric = Telemetry::register_gauge_family([
	$prefix="zeek", $unit="", $name="wiremark_watched_connections",
	$help_text="Connections of which a packet could still tell something, or that have an app"]);

hook Telemetry::sync()
	{
	for ( _, l in __labels() )
		Telemetry::counter_family_set(verdicts_metric, vector(l$app, l?$role ? l$role : "", l$confidence), l$verdicts + 0.0);
	local s = statistics();
	Telemetry::counter_family_set(connections_metric, vector(), s$connections + 0.0);
	Telemetry::counter_family_set(labelled_metric, vector(), s$labelled + 0.0);
	Telemetry::counter_family_set(packets_metric, vector(), s$packets + 0.0);
	Telemetry::counter_family_set(looked_at_metric, vector(), s$looked_at + 0.0);
	Telemetry::counter_family_set(handshakes_lost_metric, vector(), s$handshakes_lost + 0.0);
	Telemetry::gauge_family_set(watched_metric, vector(), s$watched + 0.0);
	}
