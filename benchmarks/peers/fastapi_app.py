"""The peer: the same API on the stack that such an API is usually built on.

FastAPI, SQLAlchemy and SQLite, put together as FastAPI's documentation does it (a session per request
from a dependency, plain `def` endpoints, python-jose for tokens, passlib for passwords), with the same
two tables. Its writes are as durable as ours: WAL and synchronous=FULL, and it refuses to start if
SQLite did not agree to that. It waits up to a minute for SQLite's lock, so that no request fails.

PEER_POOL=1 keeps SQLite connections open in SQLAlchemy's QueuePool, which SQLAlchemy 1.4 does not do
for a SQLite file unless it is told to.
"""

import os
from datetime import datetime, timedelta, timezone
from typing import Optional

from fastapi import Depends, FastAPI, HTTPException, status
from fastapi.security import OAuth2PasswordBearer
from jose import JWTError, jwt
from passlib.context import CryptContext
from pydantic import BaseModel, constr
from sqlalchemy import Column, ForeignKey, Integer, String, create_engine, event
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, declarative_base, sessionmaker
from sqlalchemy.pool import QueuePool

SECRET_KEY = os.environ["SECRET_KEY"]
ALGORITHM = "HS256"
ACCESS_TOKEN_EXPIRE_MINUTES = 600

POOL = {"poolclass": QueuePool, "pool_timeout": 60} if os.environ.get("PEER_POOL") == "1" else {}

engine = create_engine(
    os.environ["DATABASE_URL"],
    connect_args={"check_same_thread": False, "timeout": 60},
    **POOL,
)


@event.listens_for(engine, "connect")
def make_durable(connection, _record):
    cursor = connection.cursor()
    assert cursor.execute("PRAGMA journal_mode=WAL").fetchone() == ("wal",)
    cursor.execute("PRAGMA synchronous=FULL")
    assert cursor.execute("PRAGMA synchronous").fetchone() == (2,)
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


SessionLocal = sessionmaker(autocommit=False, autoflush=False, bind=engine)
Base = declarative_base()


class User(Base):
    __tablename__ = "users"
    id = Column(Integer, primary_key=True)
    username = Column(String, unique=True, index=True)
    hashed_password = Column(String)


class VirtualPhoneNumber(Base):
    __tablename__ = "virtual_phone_numbers"
    id = Column(Integer, primary_key=True)
    phone_number = Column(String, unique=True, index=True)
    user_id = Column(Integer, ForeignKey("users.id"))


class Credentials(BaseModel):
    username: str
    password: str


class Token(BaseModel):
    access_token: str
    token_type: str


class NumberCreate(BaseModel):
    phone_number: constr(regex=r"^\+[1-9][0-9]{1,14}$")


class Number(BaseModel):
    id: int
    phone_number: str
    user_id: int

    class Config:
        orm_mode = True


Base.metadata.create_all(bind=engine)

app = FastAPI()
passwords = CryptContext(schemes=["bcrypt"], deprecated="auto")
oauth2_scheme = OAuth2PasswordBearer(tokenUrl="auth/login")


def get_db():
    db = SessionLocal()
    try:
        yield db
    finally:
        db.close()


def create_access_token(user: User) -> Token:
    expires = datetime.now(timezone.utc) + timedelta(minutes=ACCESS_TOKEN_EXPIRE_MINUTES)
    claims = {"sub": str(user.id), "exp": expires}
    return Token(access_token=jwt.encode(claims, SECRET_KEY, algorithm=ALGORITHM), token_type="bearer")


def get_current_user(token: str = Depends(oauth2_scheme), db: Session = Depends(get_db)) -> User:
    refused = HTTPException(
        status_code=status.HTTP_401_UNAUTHORIZED,
        detail="Could not validate credentials",
        headers={"WWW-Authenticate": "Bearer"},
    )
    try:
        subject: Optional[str] = jwt.decode(token, SECRET_KEY, algorithms=[ALGORITHM]).get("sub")
    except JWTError:
        raise refused
    user = db.get(User, int(subject)) if subject else None
    if user is None:
        raise refused
    return user


@app.get("/healthz")
def healthz():
    return {"status": "ok"}


@app.post("/auth/register", response_model=Token)
def register(credentials: Credentials, db: Session = Depends(get_db)):
    user = User(username=credentials.username, hashed_password=passwords.hash(credentials.password))
    db.add(user)
    try:
        db.commit()
    except IntegrityError:
        raise HTTPException(status_code=409, detail="Username already registered")
    db.refresh(user)
    return create_access_token(user)


@app.post("/auth/login", response_model=Token)
def login(credentials: Credentials, db: Session = Depends(get_db)):
    user = db.query(User).filter(User.username == credentials.username).first()
    if user is None or not passwords.verify(credentials.password, user.hashed_password):
        raise HTTPException(status_code=401, detail="Incorrect username or password")
    return create_access_token(user)


@app.post("/phone_numbers", response_model=Number)
def create_number(number: NumberCreate, db: Session = Depends(get_db),
                  user: User = Depends(get_current_user)):
    row = VirtualPhoneNumber(phone_number=number.phone_number, user_id=user.id)
    db.add(row)
    try:
        db.commit()
    except IntegrityError:
        raise HTTPException(status_code=409, detail="Phone number already registered")
    db.refresh(row)
    return row


@app.get("/phone_numbers/{number_id}", response_model=Number)
def get_number(number_id: int, db: Session = Depends(get_db), user: User = Depends(get_current_user)):
    row = db.get(VirtualPhoneNumber, number_id)
    if row is None or row.user_id != user.id:
        raise HTTPException(status_code=404, detail="Phone number not found")
    return row
