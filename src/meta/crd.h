// CustomResourceDefinitions (apiextensions.k8s.io/v1) of the kinds, for clusters that a stock kube-apiserver serves.
#pragma once

#include "meta/kind.h"

namespace meta {

// The whole manifest of a custom kind. Not for core kinds.
Json crd_of(const Kind& kind);

}  // namespace meta
