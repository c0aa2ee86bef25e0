##! Two fields of conn.log: wiremark_app and wiremark_role.

@load base/protocols/conn
@load ./main

module Wiremark;

# One field of the record, since every connection pays for it; of a verdict, app and role are logged.
redef record Conn::Info += {
	## The connection's verdict.
	wiremark: Verdict &log &optional;
};

redef Log::default_field_name_map += {
	["wiremark.app"] = "wiremark_app",
	["wiremark.role"] = "wiremark_role",
};

# After the record is made, before it is written.
event connection_state_remove(c: connection)
	{
	if ( c?$wiremark && c?$conn )
		c$conn$wiremark = c$wiremark;
	}
