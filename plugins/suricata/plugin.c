/*
 * wiremark in Suricata: which packets are WeChat's or WhatsApp's, as rule keywords and in every event of a flow.
 *
 * The work is in the other files: signatures.c has what is looked for, flows.c looks at packets, keywords.c and events.c
 * tell. Nothing here keeps a lock while packets are looked at, unless evidence is shared among threads.
 */
#include "plugin.h"

uint32_t option_number(const char *name, uint32_t max) {
    intmax_t value = 0;
    const char *text;
    if (SCConfGet(name, &text) != 1)
        return 0;
    if (SCConfGetInt(name, &value) != 1 || value < 0 || value > max)
        FatalError("%s: \"%s\" is no number from 0 to %u", name, text ? text : "", max);
    return (uint32_t)value;
}

/* What goes wrong here ends Suricata: a sensor that runs on without its rules is worse than one that does not start. */
static void init(void) {
    if (WIREMARK_CHECK_ABI() != WIREMARK_OK)
        FatalError("this plugin was built with wiremark.h of ABI version %d (%s), the library is of version %u (%s): "
                   "build the plugin anew (make -C plugins/suricata)",
                WIREMARK_ABI_VERSION, WIREMARK_VERSION, wiremark_abi_version(), wiremark_version());
    signatures_init();
    flows_init();
    keywords_init();
    events_init();
}

__attribute__((visibility("default"))) const SCPlugin *SCPluginRegister(void);

const SCPlugin *SCPluginRegister(void) {
    static const SCPlugin plugin = {
        .version = SC_API_VERSION,
        .suricata_version = SC_PACKAGE_VERSION,
        .name = "wiremark",
        .plugin_version = WIREMARK_VERSION,
        .license = "MIT",
        .author = "the wiremark project",
        .Init = init,
    };
    return &plugin;
}
