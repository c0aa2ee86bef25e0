##! Two fields of conn.log: wiremark_app and wiremark_role.

@load base/protocols/conn
@load ./main

module Wiremark;

# One field, and a record that connections share, since every connection pays for what is here.
redef record Conn::Info += {
	## The connection's label, from the packet on that told.
	wiremark: Label &log &optional;
};

redef Log::default_field_name_map += {
	["wiremark.app"] = "wiremark_app",
	["wiremark.role"] = "wiremark_role",
};

event Wiremark::verdict(c: connection, v: Verdict) &priority=5
	{
	if ( ! c?$conn )
		return;
	if ( v?$label )
		c$conn$wiremark = v$label;
	else
		delete c$conn$wiremark;
	}
