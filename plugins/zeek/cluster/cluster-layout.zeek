# Five processes on one machine. Zeek reads this by its name; ZEEKPATH must have its folder (the start script sees to it).
# For workers on other machines give each its address and start it there.

redef Cluster::manager_is_logger = F;

redef Cluster::nodes = {
	["logger"]   = [$node_type=Cluster::LOGGER,  $ip=127.0.0.1, $p=47760/tcp],
	["manager"]  = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=47761/tcp],
	["proxy"]    = [$node_type=Cluster::PROXY,   $ip=127.0.0.1, $p=47762/tcp, $manager="manager"],
	["worker-1"] = [$node_type=Cluster::WORKER,  $ip=127.0.0.1, $p=47763/tcp, $manager="manager"],
	["worker-2"] = [$node_type=Cluster::WORKER,  $ip=127.0.0.1, $p=47764/tcp, $manager="manager"],
};
