// The site's image server: answers any path with a small qcow2 image made from it (in ranges where asked), and
// path.sha256sum (or .md5sum, .sha512sum) with its checksum. Plain HTTP on port 80 and HTTPS on 443 with a certificate
// of the site's CA.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>

#include "net/http.h"
#include "sim/site.h"

namespace sim {

class ImageServer {
 public:
  ImageServer(Site& site, std::string host);
  ~ImageServer();
  base::Result<void> start();
  void stop();
  // From now on images at this path (or "*") are served with a flipped byte, while their sums stay right.
  void corrupt(const std::string& path, bool on);
  // From now on the image at this path says that its disk is as large as this, with nothing in what that adds; 0: as it
  // was.
  void make_large(const std::string& path, uint64_t disk_bytes) { large_[path] = disk_bytes; }
  uint64_t downloads() const { return downloads_; }
  std::string image(const std::string& path) const;  // what an unharmed image looks like

 private:
  void answer(net::Exchange& exchange);
  Site& site_;
  std::string host_;
  std::set<std::string> corrupted_;
  std::map<std::string, uint64_t> large_;
  uint64_t downloads_ = 0;
  std::unique_ptr<net::HttpServer> plain_, encrypted_;
};

}  // namespace sim
