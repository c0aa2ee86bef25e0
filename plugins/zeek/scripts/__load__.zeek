@load ./main
@load ./conn
@load ./statistics
