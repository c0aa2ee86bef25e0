##! wiremark: which connections are WeChat's or WhatsApp's, and what the app does there.

@load base/frameworks/config
@load base/frameworks/reporter

module Wiremark;

export {
	redef enum Log::ID += { LOG };

	global log_policy: Log::PolicyHook;

	## A folder of signature files, in place of the signatures built in (""). Can be changed at run time.
	option signatures = "";

	## What counts as evidence: "address" (lists of addresses), "related" (what other connections told), "name" (names in
	## the connection), "payload" (bytes of the app's own protocols). Can be changed at run time.
	option evidence: set[string] = { "address", "related", "name", "payload" };

	## Packets with payload after which a verdict is final, up to 255; 0 is wiremark's default, 32. Can be changed at run time.
	option budget_packets: count = 0;

	## Any change of it loads the folder anew.
	option revision: count = 0;

	## Whether wiremark.log has a line for every later packet of connections with an app, too.
	option log_packets = F;

	## Addresses, servers and end points of calls that a process remembers, of each kind; 0 is wiremark's default, 8192.
	const remembered: count = 0 &redef;

	## Handshakes in pieces that can wait at the same time; 0 is wiremark's default, 1024.
	const parked_slots: count = 0 &redef;

	## Most bytes of one such handshake, up to 65536; 0 is wiremark's default, 4096.
	const slot_bytes: count = 0 &redef;

	## A line of wiremark.log: a verdict that is new, has changed or was taken back.
	type Info: record {
		## When the packet that told was seen.
		ts: time &log;
		uid: string &log;
		id: conn_id &log;
		community_id: string &log &optional;
		## Not set where an earlier verdict was taken back.
		app: string &log &optional;
		role: string &log &optional;
		carrier: string &log;
		confidence: string &log &optional;
		signature: string &log &optional;
		signature_id: count &log &optional;
		## The packet, counted in the connection from 1.
		packet: count &log;
		## Whether the originator sent it.
		is_orig: bool &log;
	};

	global log_wiremark: event(rec: Info);
}

redef record connection += {
	## The connection's verdict as it is now; not set without one.
	wiremark: Verdict &optional;
};

event zeek_init() &priority=5
	{
	Log::create_stream(LOG, Log::Stream($columns=Info, $ev=log_wiremark, $path="wiremark", $policy=log_policy));
	}

function info(c: connection, v: Verdict): Info
	{
	local i = Info($ts=network_time(), $uid=c$uid, $id=c$id, $carrier=v$carrier, $packet=v$packet, $is_orig=v$is_orig);
	if ( v?$community_id )
		i$community_id = v$community_id;
	if ( v?$app )
		i$app = v$app;
	if ( v?$role )
		i$role = v$role;
	if ( v?$confidence )
		i$confidence = v$confidence;
	if ( v?$signature )
		i$signature = v$signature;
	if ( v?$signature_id )
		i$signature_id = v$signature_id;
	return i;
	}

event Wiremark::verdict(c: connection, v: Verdict)
	{
	Log::write(LOG, info(c, v));
	}

event Wiremark::packet(c: connection, number: count, is_orig: bool)
	{
	if ( ! c?$wiremark )
		return;
	local i = info(c, c$wiremark);
	i$packet = number;
	i$is_orig = is_orig;
	Log::write(LOG, i);
	}

# What is changed at run time is refused with a reason, and then stays as it was.

function is_loaded(folder: string, kinds: set[string], budget: count): bool
	{
	local why = __load(folder, kinds, budget);
	if ( why == "" )
		{
		Reporter::info(fmt("wiremark: %s signatures in force", statistics()$signatures));
		return T;
		}
	Reporter::error(fmt("wiremark: the signatures in force stay: %s", why));
	return F;
	}

function on_signatures(ID: string, folder: string): string
	{
	return is_loaded(folder, evidence, budget_packets) ? folder : signatures;
	}

function on_evidence(ID: string, kinds: set[string]): set[string]
	{
	return is_loaded(signatures, kinds, budget_packets) ? kinds : evidence;
	}

function on_budget_packets(ID: string, budget: count): count
	{
	return is_loaded(signatures, evidence, budget) ? budget : budget_packets;
	}

function on_revision(ID: string, number: count): count
	{
	is_loaded(signatures, evidence, budget_packets);
	return number;
	}

event zeek_init()
	{
	Option::set_change_handler("Wiremark::signatures", on_signatures);
	Option::set_change_handler("Wiremark::evidence", on_evidence);
	Option::set_change_handler("Wiremark::budget_packets", on_budget_packets);
	Option::set_change_handler("Wiremark::revision", on_revision);
	}
