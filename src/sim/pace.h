// How long hardware takes, and the clock it is measured on. Durations here are what real servers need; `speed` divides
// them, so a rack on the real clock can run faster than life. In virtual time speed is 1.
#pragma once

#include <algorithm>

#include "base/time.h"
#include "sys/sys.h"

namespace sim {

struct Range {
  base::Duration min, max;
};

struct Durations {
  Range power_on{base::seconds(1), base::seconds(4)};    // from the BMC's command to power
  Range power_off{base::seconds(1), base::seconds(4)};   // forced
  Range shutdown{base::seconds(10), base::seconds(40)};  // an operating system that was asked to
  Range post{base::minutes(3), base::minutes(6)};
  Range media_load{base::seconds(20), base::seconds(60)};     // a ramdisk through a BMC's virtual CD
  Range network_load{base::seconds(10), base::seconds(40)};   // a ramdisk over HTTP
  Range kernel_load{base::seconds(2), base::seconds(8)};      // the agent reads the kernel of what it wrote
  Range agent_start{base::seconds(30), base::seconds(60)};    // kernel, udev, network, agent
  Range inspection{base::seconds(5), base::seconds(20)};      // disks and neighbours settle
  Range image_write{base::minutes(2), base::minutes(5)};      // a whole image of image_bytes
  Range metadata_erase{base::seconds(4), base::seconds(15)};  // per disk
  Range full_erase{base::minutes(3), base::minutes(15)};      // per disk, by the device's own command
  Range system_start{base::seconds(25), base::seconds(60)};   // operating system to cloud-init
  Range kubeadm_init{base::seconds(45), base::seconds(90)};
  Range kubeadm_join{base::seconds(20), base::seconds(50)};
  Range command{base::milliseconds(200), base::seconds(3)};  // another command of user data
  base::Duration kubelet_beat = base::seconds(10);           // node status and lease
  base::Duration node_grace = base::seconds(40);             // then a silent node is Unknown
  base::Duration join_patience = base::minutes(5);           // kubeadm's discovery timeout
  base::Duration network_boot_patience = base::seconds(60);  // DHCP attempts of the firmware
  base::Duration reboot_delay = base::seconds(3);            // from the agent's answer to its reboot
};

class Pace {
 public:
  explicit Pace(double speed) : speed_(speed > 0 ? speed : 1) {}
  double speed() const { return speed_; }
  base::Duration scaled(base::Duration real) const { return std::chrono::duration_cast<base::Duration>(real / speed_); }
  // How long to wait for somebody who runs at real speed whatever the rack does: never less than a busy machine needs.
  base::Duration patience(base::Duration real) const {
    return std::min<base::Duration>(real, std::max<base::Duration>(scaled(real), base::seconds(15)));
  }
  // A duration of the range, scaled.
  base::Duration pick(const Range& range, sys::Random& random) const {
    const auto width = static_cast<double>((range.max - range.min).count()) * random.unit();
    return scaled(range.min + base::Duration(static_cast<int64_t>(width)));
  }

 private:
  double speed_;
};

// A stream of its own for each server, so what one draws does not depend on what others do.
class SeededRandom : public sys::Random {
 public:
  explicit SeededRandom(uint64_t seed) : state_(seed) {}
  uint64_t next() override {  // SplitMix64 (Steele, Lea, Flood 2014)
    uint64_t z = (state_ += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }

 private:
  uint64_t state_;
};

}  // namespace sim
