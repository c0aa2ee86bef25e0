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

	global log_wiremark: event(rec: Verdict);
}

event zeek_init() &priority=5
	{
	Log::create_stream(LOG, Log::Stream($columns=Verdict, $ev=log_wiremark, $path="wiremark", $policy=log_policy));
	}

event Wiremark::verdict(c: connection, v: Verdict)
	{
	Log::write(LOG, v);
	}

event Wiremark::packet(c: connection, v: Verdict)
	{
	Log::write(LOG, v);
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
