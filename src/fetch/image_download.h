// The file of an image over HTTP: as a stream that goes on where a lost connection left it, and in ranges.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "fetch/image_source.h"
#include "net/http.h"

namespace fetch {

class ImageDownload : public ImageSource {
 public:
  // Redirects are followed (net/redirect.h), each time from the start: what they lead to is often good for a while
  // only. Errors: invalid (URL).
  static base::Result<std::unique_ptr<ImageDownload>> make(sys::Loop& loop, sys::Net& net, const std::string& url,
                                                           const std::string& roots_pem);

  // A connection that is lost after the first bytes is replaced: the rest is asked for by a range (RFC 9110
  // section 14, with If-Range where the server gave a strong ETag); a server without ranges sends all again, and what
  // is known already is passed over. Errors: unavailable (also: the file changed meanwhile), timeout, cancelled.
  base::Result<void> stream(const Take& take, const Place& place = {}) override;
  base::Result<std::vector<std::string>> read(const std::vector<image::FileRange>& ranges) override;
  uint64_t position() const override { return position_; }
  uint64_t bytes_total() const override { return total_; }

 private:
  ImageDownload(sys::Loop& loop, sys::Net& net, net::Url url, std::string roots_pem);
  net::HttpClient& client(const net::Url& url);
  base::Result<net::Response> get(net::Request request, const net::BodySink& sink, const Place& place = {});
  base::Result<void> attempt(const Take& take, const Place& place);
  base::Result<uint64_t> first_look(const net::Response& head);
  base::Result<uint64_t> begin(const net::Response& head);
  base::Result<void> read_some(const std::vector<image::FileRange>& ranges, std::vector<std::string>& out);
  base::Error changed();
  base::Error refused(int status) const;

  sys::Loop& loop_;
  sys::Net& net_;
  net::Url url_;
  std::string roots_pem_;
  std::string text_;                                // the URL, and where it led to
  std::map<std::string, net::HttpClient> clients_;  // by server
  uint64_t position_ = 0, total_ = 0;
  bool started_ = false, changed_ = false;
  std::string etag_;
};

}  // namespace fetch
