##! Records that the plugin fills in. It goes by the order of their fields.

module Wiremark;

export {
	## What is known of a connection. Words are those of ``wiremark classify --format json``.
	type Verdict: record {
		## The app, such as "whatsapp". Not set where an earlier verdict was taken back.
		app: string &log &optional;
		## What the app uses the connection for, such as "call".
		role: string &log &optional;
		## The protocol that carries it.
		carrier: string;
		## The kind of evidence, weakest first: "address", "related", "name", "payload".
		confidence: string &optional;
		## The signature that decided.
		signature: string &optional;
		## Its number, which never changes.
		signature_id: count &optional;
		## The packet that told, counted in the connection from 1.
		packet: count;
		## Whether the originator sent it.
		is_orig: bool;
		## The connection's Community ID (version 1, seed 0).
		community_id: string &optional;
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
