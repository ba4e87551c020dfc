// SPDX-License-Identifier: MIT
// Qt's keywords, without QT_NO_KEYWORDS.
#define slots
#define signals public
#define Q_SLOTS
#define Q_SIGNALS public
#define foreach(variable, container) for (variable : container)
#define forever for (;;)
#define SIGNAL(a) #a
#define SLOT(a) #a
#define METHOD(a) #a
#define Q_OBJECT
#define Q_GADGET
#define Q_EMIT
// after the standard headers: <syncstream> has a member of this name
#define emit
