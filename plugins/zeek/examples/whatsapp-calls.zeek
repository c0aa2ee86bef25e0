##! A notice for every WhatsApp call, with the packet that tells: zeek -i eth0 plugins/zeek/examples/whatsapp-calls.zeek

@load base/frameworks/notice

module Wiremark;

export {
	redef enum Notice::Type += {
		## Somebody calls, or is called, by WhatsApp.
		WhatsApp_Call,
	};
}

event Wiremark::verdict(c: connection, v: Wiremark::Verdict)
	{
	if ( v?$app && v$app == "whatsapp" && v?$role && v$role == "call" )
		NOTICE([$note=WhatsApp_Call, $conn=c, $suppress_for=1 min,
		    $msg=fmt("a WhatsApp call, told by packet %d (%s: %s)", v$packet, v$confidence, v$signature),
		    $identifier=cat(c$id$orig_h, c$id$resp_h)]);
	}
