// SPDX-License-Identifier: MIT
// Arduino.h, binary.h and the headers of AVR.
#define F(text) (text)
#define B0 0
#define B1 1
#define B00 0
#define B01 1
#define B10 2
#define B11 3
#define HIGH 0x1
#define LOW 0x0
#define INPUT 0x0
#define OUTPUT 0x1
#define SERIAL 0x0
#define DISPLAY 0x1
#define DEFAULT 0
#define INTERNAL 3
#define EXTERNAL 0
#define CHANGE 1
#define FALLING 2
#define RISING 3
#define PI 3.14159
#define EULER 2.71828
#define LSBFIRST 0
#define MSBFIRST 1
#define PROGMEM
#define PSTR(s) (s)
#define bit(b) (1UL << (b))
#define bitRead(value, bit) (((value) >> (bit)) & 0x01)
#define bitSet(value, bit) ((value) |= (1UL << (bit)))
#define bitClear(value, bit) ((value) &= ~(1UL << (bit)))
#define lowByte(w) ((unsigned char)((w) & 0xff))
#define highByte(w) ((unsigned char)((w) >> 8))
#define constrain(a, l, h) ((a) < (l) ? (l) : ((a) > (h) ? (h) : (a)))
#define sq(x) ((x) * (x))
#define degrees(rad) ((rad) * 57.29)
#define radians(deg) ((deg) * 0.017)
#define interrupts() sei()
#define noInterrupts() cli()
#define word(...) makeWord(__VA_ARGS__)
#define sbi(port, b) ((port) |= (1 << (b)))
#define cbi(port, b) ((port) &= ~(1 << (b)))
// after the standard headers: they have functions of these names
#define abs(x) ((x) > 0 ? (x) : -(x))
#define round(x) ((x) >= 0 ? (long)((x) + 0.5) : (long)((x) - 0.5))
