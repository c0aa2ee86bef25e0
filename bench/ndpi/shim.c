/* nDPI 4.2 as a host uses it: the calls of nDPI's own example reader, behind four functions without nDPI's types. */
#include <ndpi_api.h>
#include <stdlib.h>

struct shim {
  struct ndpi_detection_module_struct *module;
  int lean;
};

struct shim_flow {
  struct ndpi_flow_struct *flow;
  unsigned packets;
  unsigned char completed;
  unsigned short master, app;
};

/* Lean: only the protocols this job needs, and no further look once a protocol is known (4.2 has no other switch for
 * its metadata). Otherwise everything, as it comes. */
void *shim_new(int lean) {
  struct shim *shim = calloc(1, sizeof *shim);
  NDPI_PROTOCOL_BITMASK wanted;
  if (!shim) return NULL;
  shim->lean = lean;
  shim->module = ndpi_init_detection_module(lean ? ndpi_dont_load_tor_hosts : ndpi_no_prefs);
  if (!shim->module) { free(shim); return NULL; }
  if (lean) {
    static const unsigned short ids[] = {
      NDPI_PROTOCOL_DNS, NDPI_PROTOCOL_HTTP, NDPI_PROTOCOL_TLS, NDPI_PROTOCOL_QUIC, NDPI_PROTOCOL_STUN,
      NDPI_PROTOCOL_RTP, NDPI_PROTOCOL_WHATSAPP, NDPI_PROTOCOL_WHATSAPP_CALL, NDPI_PROTOCOL_WHATSAPP_FILES,
      NDPI_PROTOCOL_WECHAT, NDPI_PROTOCOL_MESSENGER };
    NDPI_BITMASK_RESET(wanted);
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) NDPI_BITMASK_ADD(wanted, ids[i]);
  } else {
    NDPI_BITMASK_SET_ALL(wanted);
  }
  ndpi_set_protocol_detection_bitmask2(shim->module, &wanted);
  ndpi_finalize_initialization(shim->module);
  return shim;
}

void shim_free(void *opaque) {
  struct shim *shim = opaque;
  ndpi_exit_detection_module(shim->module);
  free(shim);
}

size_t shim_flow_bytes(void) { return sizeof(struct ndpi_flow_struct) + sizeof(struct shim_flow); }

void *shim_flow_new(void) {
  struct shim_flow *one = calloc(1, sizeof *one);
  if (one && !(one->flow = ndpi_flow_malloc(sizeof *one->flow))) { free(one); return NULL; }
  if (one) memset(one->flow, 0, sizeof *one->flow);
  return one;
}

void shim_flow_free(void *opaque) {
  struct shim_flow *one = opaque;
  ndpi_free_flow(one->flow);
  free(one);
}

/* Looks at a flow until its protocol is known, and as long as nDPI wants more of it, or for 80 packets of TCP, 24 of
 * UDP (the example reader's bounds). Afterwards the verdict is in the flow. Returns whether that is now so. */
int shim_packet(void *opaque, void *opaque_flow, int is_tcp, const unsigned char *ip, unsigned short bytes,
                     unsigned long long time_ms) {
  struct shim *shim = opaque;
  struct shim_flow *one = opaque_flow;
  if (!one->completed) {
    int enough = ++one->packets > (is_tcp ? 80 : 24);
    ndpi_protocol found = ndpi_detection_process_packet(shim->module, one->flow, ip, bytes, time_ms);
    if (enough || found.app_protocol != NDPI_PROTOCOL_UNKNOWN) {
      if (enough || shim->lean || !ndpi_extra_dissection_possible(shim->module, one->flow)) {
        one->completed = 1;
        if (found.app_protocol == NDPI_PROTOCOL_UNKNOWN) {
          unsigned char guessed;
          found = ndpi_detection_giveup(shim->module, one->flow, !shim->lean, &guessed);
        }
      }
    }
    one->master = found.master_protocol;
    one->app = found.app_protocol;
  }
  return one->completed;
}

int shim_is_messenger(const void *opaque_flow) {
  const struct shim_flow *one = opaque_flow;
  return one->app == NDPI_PROTOCOL_WHATSAPP || one->app == NDPI_PROTOCOL_WHATSAPP_CALL ||
         one->app == NDPI_PROTOCOL_WHATSAPP_FILES || one->app == NDPI_PROTOCOL_WECHAT;
}
