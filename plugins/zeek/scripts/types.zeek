##! Records that the plugin fills in. It goes by the order of their fields.

module Wiremark;

export {
	## What ``c$conn$wiremark`` tells of a connection. Those with the same label share the record.
	type Label: record {
		## The app, such as "whatsapp".
		app: string &log;
		## What the app uses the connection for, such as "call".
		role: string &log &optional;
		## The kind of evidence, weakest first: "address", "related", "name", "payload".
		confidence: string;
		## How many verdicts of this process said so.
		verdicts: count;
	};

	type Labels: vector of Label;

	## A verdict, which is a line of wiremark.log. Words are those of ``wiremark classify --format json``.
	type Verdict: record {
		## When the packet that told was seen.
		ts: time &log;
		uid: string &log;
		id: conn_id &log;
		## The connection's Community ID (version 1, seed 0).
		community_id: string &log &optional;
		## The app. Not set where an earlier verdict was taken back.
		app: string &log &optional;
		## What the app uses the connection for.
		role: string &log &optional;
		## The protocol that carries it.
		carrier: string &log;
		## The kind of evidence.
		confidence: string &log &optional;
		## The signature that decided.
		signature: string &log &optional;
		## Its number, which never changes.
		signature_id: count &log &optional;
		## The packet that told, counted in the connection from 1.
		packet: count &log;
		## Whether the originator sent it.
		is_orig: bool &log;
		## What conn.log says of the connection. Not set where an earlier verdict was taken back.
		label: Label &optional;
	};

	## What a process has done so far; see :zeek:see:`Wiremark::StatisticsInfo`.
	type Statistics: record {
		connections: count;
		watched: count;
		packets: count;
		looked_at: count;
		labelled: count;
		verdicts: count;
		handshakes_lost: count;
		signatures: count;
	};
}
