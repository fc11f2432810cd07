//===- angle.h - sine and cosine for rotary embedding ---------------------===//

#ifndef PEFT_RUNTIME_ANGLE_H
#define PEFT_RUNTIME_ANGLE_H

#include "peft/runtime/tensor.h"

namespace peft::rt {

/// The sine and cosine of an angle, to rounding. The angle is reduced in double,
/// because positions reach 10^5 and more; the Taylor series then see |r| <= pi / 4.
PEFT_HD void sinCos(float angle, float &sine, float &cosine) {
  const double magic = 6755399441055744.0; // 1.5 * 2^52: rounds, and keeps the integer in the low bits
  double x = angle;
  double shifted = x * 0.63661977236758134 + magic;
  double n = shifted - magic;
  double r = x - n * 1.5707963267948966;
  double s = r * r;
  double sinR = r + r * s * (-1.0 / 6 + s * (1.0 / 120 + s * (-1.0 / 5040 + s * (1.0 / 362880))));
  double cosR = 1 + s * (-0.5 + s * (1.0 / 24 + s * (-1.0 / 720 + s * (1.0 / 40320 + s * (-1.0 / 3628800)))));
  int64_t quadrant;
  memcpy(&quadrant, &shifted, sizeof quadrant);
  bool swapped = quadrant & 1, sineNegative = quadrant & 2, cosineNegative = (quadrant + 1) & 2;
  double sinX = swapped ? cosR : sinR, cosX = swapped ? sinR : cosR;
  sine = float(sineNegative ? -sinX : sinX);
  cosine = float(cosineNegative ? -cosX : cosX);
}

} // namespace peft::rt

#endif // PEFT_RUNTIME_ANGLE_H
