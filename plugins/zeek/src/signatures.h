// What is looked for, and the words for it.
#pragma once

#include <wiremark.h>

#include <cstdint>
#include <memory>
#include <string>

namespace plugin::Wiremark_Verdicts {

struct Free {
    void operator()(wiremark_classifier* classifier) const { wiremark_classifier_free(classifier); }
    void operator()(wiremark_names* names) const { wiremark_names_free(names); }
    void operator()(wiremark_context* context) const { wiremark_context_free(context); }
};

// The signatures in force: built in, or of a folder.
class Signatures {
public:
    // Puts others in force. Flows keep their verdicts. Says why not, and then nothing changes; empty when all is well.
    // An empty folder: those built in.
    std::string Load(const std::string& folder, const wiremark_options& options);

    const wiremark_classifier* Classifier() const { return classifier.get(); }
    const wiremark_names* Names() const { return names.get(); }

private:
    std::unique_ptr<wiremark_classifier, Free> classifier;
    std::unique_ptr<wiremark_names, Free> names;
};

} // namespace plugin::Wiremark_Verdicts
