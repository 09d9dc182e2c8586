// What the admission plugins of kube-apiserver that are always on make of a new pod: ServiceAccount, Priority and
// DefaultTolerationSeconds. Nobody owns what they add.
#pragma once

#include "registry/registry.h"

namespace registry {

// Fills in the account and the volume with its token, tolerations of nodes that are away for a while, and the number
// behind the priority class. Done twice it changes nothing more. `suffix`: five random letters for the volume's name.
// An account that does not exist is let pass: nothing runs the pod without it. Errors: forbidden when there is no such
// priority class or the pod gives a number of its own.
Result<void> admit_pod(const Kind& kind, const store::Store& store, const std::string& suffix, Json& doc);

}  // namespace registry
