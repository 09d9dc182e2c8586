// How one image of the cache is made; inside image_cache*.cpp only.
#pragma once

#include <optional>
#include <string>

#include "metal/boot/image_cache.h"

namespace metal {

// Where an image comes from.
struct ImageCache::Source {
  std::string key, url, format;
  ImageDigest digest;
};

// One image being made, and those who wait for it.
struct ImageCache::Making {
  explicit Making(sys::Loop& loop) : changed(loop) {}
  sys::Signal changed;
  sys::Fiber fiber;
  std::string text = "downloading the image";
  std::optional<base::Result<Hold>> result;
  void say(std::string what) {
    if (what == text) return;
    text = std::move(what);
    changed.set();
  }
};

}  // namespace metal
