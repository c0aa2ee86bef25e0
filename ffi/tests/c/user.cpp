// The header from C++17: handles that free themselves, whole frames in, one line a flow out.
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <stdexcept>
#include <pcap/pcap.h>
#include <wiremark.h>

namespace {

template <auto free_function>
struct Free {
    template <typename T>
    void operator()(T *handle) const { free_function(handle); }
};

using Classifier = std::unique_ptr<wiremark_classifier, Free<wiremark_classifier_free>>;
using Names = std::unique_ptr<wiremark_names, Free<wiremark_names_free>>;
using Tracker = std::unique_ptr<wiremark_tracker, Free<wiremark_tracker_free>>;
using Capture = std::unique_ptr<pcap_t, Free<pcap_close>>;

void check(wiremark_status status) {
    if (status != WIREMARK_OK) throw std::runtime_error(wiremark_last_error());
}

std::string or_dash(std::string_view text) { return std::string(text.empty() ? "-" : text); }

void ended(void *user, const wiremark_flow_record *flow) {
    const auto *names = static_cast<const wiremark_names *>(user);
    std::printf("%s %s %u %llu/%llu\n", or_dash(wiremark_app_name(names, flow->verdict.app)).c_str(),
                or_dash(wiremark_role_name(names, flow->verdict.app, flow->verdict.role)).c_str(),
                unsigned{flow->verdict.signature}, static_cast<unsigned long long>(flow->packets[0]),
                static_cast<unsigned long long>(flow->packets[1]));
}

void run(const char *path) {
    check(WIREMARK_CHECK_ABI());
    wiremark_classifier *new_classifier = nullptr;
    check(wiremark_classifier_new(nullptr, &new_classifier));
    Classifier classifier(new_classifier);
    wiremark_names *new_names = nullptr;
    check(wiremark_names_new(classifier.get(), &new_names));
    Names names(new_names);
    wiremark_tracker_options options{};
    options.struct_bytes = sizeof options;
    options.ended = ended;
    options.user = names.get();
    wiremark_tracker *new_tracker = nullptr;
    check(wiremark_tracker_new(classifier.get(), &options, &new_tracker));
    Tracker tracker(new_tracker);

    char error[PCAP_ERRBUF_SIZE] = "";
    Capture capture(pcap_open_offline(path, error));
    if (!capture) throw std::runtime_error(error);
    pcap_pkthdr *header = nullptr;
    const u_char *bytes = nullptr;
    while (pcap_next_ex(capture.get(), &header, &bytes) == 1) {
        wiremark_frame frame{};
        frame.struct_bytes = sizeof frame;
        frame.link_type = pcap_datalink(capture.get());
        frame.time_us = static_cast<uint64_t>(header->ts.tv_sec) * 1000000 + static_cast<uint64_t>(header->ts.tv_usec);
        frame.bytes = bytes;
        frame.captured_bytes = header->caplen;
        frame.wire_bytes = header->len;
        const wiremark_status status = wiremark_tracker_frame(tracker.get(), &frame, nullptr);
        if (status < WIREMARK_TRUNCATED || status > WIREMARK_UNSUPPORTED) check(status);
    }
    check(wiremark_tracker_finish(tracker.get()));
}

}  // namespace

int main(int argc, char **argv) {
    try {
        run(argc == 2 ? argv[1] : "");
    } catch (const std::exception &error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
}
